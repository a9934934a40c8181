/** Splits what is searched for into a registry's domain and the term: `registry.example/app`, `app`, `user/app`. */
export function splitSearchTerm(text: string): { readonly domain: string; readonly term: string } {
  const [first = "", ...rest] = text.split("/");
  const isDomain = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (!isDomain || first === "docker.io" || first === "index.docker.io") {
    return { domain: "docker.io", term: (isDomain ? rest.join("/") : text).replace(/^library\//, "") };
  }
  return { domain: first, term: rest.join("/") };
}
