import { EngineError } from "../errors.ts";

const ENTER = /[\r\n]/;
const CONTROL_C = "\x03";
const CONTROL_D = "\x04";
const CONTROL_U = "\x15";
const ERASE = new Set(["\x7f", "\b"]);

/**
 * Asks a question on the terminal and returns the line that is typed. A secret one does not appear. What was typed ahead
 * stays for the next question.
 *
 * @throws EngineError `canceled` when the person ends the command instead.
 */
export async function promptLine(
  question: string,
  { secret = false, signal }: { readonly secret?: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { stdin, stdout } = process;
  const before = stdin.isRaw;
  // The terminal does not echo then; nor does it know the keys that end a command. Before the question: who answers a
  // machine's questions is fast.
  if (secret) stdin.setRawMode(true);
  stdout.write(question);
  stdin.setEncoding("utf8");
  try {
    return await readLine(signal);
  } finally {
    stdin.pause();
    if (secret) {
      stdin.setRawMode(before);
      stdout.write("\n");
    }
  }
}

function readLine(signal: AbortSignal): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let line = "";
    const finish = (settle: () => void): void => {
      stdin.off("data", read);
      stdin.off("end", end);
      signal.removeEventListener("abort", cancel);
      settle();
    };
    const cancel = (): void => finish(() => reject(new EngineError("canceled", "interrupted")));
    const end = (): void => finish(() => resolve(line));
    const read = (chunk: string): void => {
      const characters = [...chunk];
      for (const [index, character] of characters.entries()) {
        if (character === CONTROL_C) {
          cancel();
          return;
        }
        if (ENTER.test(character) || (character === CONTROL_D && line === "")) {
          const rest = characters.slice(index + 1).join("");
          stdin.pause();
          finish(() => resolve(line));
          if (rest !== "") stdin.unshift(rest, "utf8");
          return;
        }
        if (character === CONTROL_U) line = "";
        else if (ERASE.has(character)) line = [...line].slice(0, -1).join("");
        else if (character >= " ") line += character;
      }
    };
    signal.addEventListener("abort", cancel, { once: true });
    stdin.on("data", read);
    stdin.once("end", end);
    stdin.resume();
    if (signal.aborted) cancel();
  });
}
