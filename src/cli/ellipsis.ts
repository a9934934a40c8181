/** Cuts a text to so many characters, the last of which is then an ellipsis. */
export function ellipsis(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}

/** docker's short form of an id: twelve digits, without `sha256:`. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
