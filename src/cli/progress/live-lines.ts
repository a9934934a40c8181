/** What live lines need of a terminal. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

const REDRAW_INTERVAL_MS = 100;
const CLEAR_TO_END_OF_SCREEN = "\x1b[0J";

/**
 * A block of lines at the bottom of a terminal, each with a key, that change in place. Draws at most ten times a
 * second, and never more lines than the terminal has; the last state is drawn by `finish`.
 */
export class LiveLines {
  private lines = new Map<string, string>();
  /** The last line of each block, by the block's first. */
  private readonly ends = new Map<string, string>();
  private drawn = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly terminal: Terminal) {}

  /** Changes a line, or appends it when its key is new: at the end, or of the block that another line begins. */
  set(key: string, text: string, block?: string): void {
    if (this.lines.get(key) === text) return;
    if (block !== undefined && !this.lines.has(key)) this.insert(key, block);
    this.lines.set(key, text);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw([...this.lines.values()].slice(-Math.max(this.terminal.rows - 1, 1)));
    }, REDRAW_INTERVAL_MS);
  }

  /** Draws all lines a last time, however many; what is written next comes below them. */
  finish(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.draw([...this.lines.values()]);
    this.lines.clear();
    this.drawn = 0;
  }

  private insert(key: string, block: string): void {
    const end = this.ends.get(block) ?? block;
    const entries = [...this.lines];
    const index = entries.findIndex(([other]) => other === end);
    this.lines = new Map([...entries.slice(0, index + 1), [key, ""], ...entries.slice(index + 1)]);
    this.ends.set(block, key);
  }

  private draw(lines: readonly string[]): void {
    const up = this.drawn > 0 ? `\x1b[${this.drawn}A\r` : "";
    const text = lines.map((line) => `${[...line].slice(0, this.terminal.columns - 1).join("")}\n`).join("");
    this.terminal.write(up + CLEAR_TO_END_OF_SCREEN + text);
    this.drawn = lines.length;
  }
}
