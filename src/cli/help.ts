export async function showHelp(words: readonly string[]): Promise<number> {
  console.log("help", words);
  return 0;
}
