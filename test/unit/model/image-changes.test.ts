import { describe, expect, it } from "vitest";
import { applyChanges } from "../../../src/model/image-changes.ts";

describe("applyChanges", () => {
  it.each([
    ["CMD serve --all", { Cmd: ["/bin/sh", "-c", "serve --all"] }],
    ['CMD ["serve", "a b"]', { Cmd: ["serve", "a b"] }],
    ["cmd [not json", { Cmd: ["/bin/sh", "-c", "[not json"] }],
    ['ENTRYPOINT ["/init"]', { Entrypoint: ["/init"], Cmd: null }],
    ["ENV A=b C='d e' F=\"g $A\"", { Env: ["PATH=/bin", "A=b", "C=d e", "F=g x"] }],
    ["ENV A some words", { Env: ["PATH=/bin", "A=some words"] }],
    ["ENV PATH=/opt:$PATH", { Env: ["PATH=/opt:/bin", "A=x"] }],
    ["ENV B=$" + "{NONE:-c} D=$" + "{A:+e}f", { Env: ["PATH=/bin", "A=x", "B=c", "D=ef"] }],
    ["LABEL a=b c.d='e f'", { Labels: { old: "1", a: "b", "c.d": "e f" } }],
    ["EXPOSE 80 53/udp 8000-8001", { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {} } }],
    ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
    ['VOLUME ["/a b"]', { Volumes: { "/a b": {} } }],
    ["USER nobody:daemon", { User: "nobody:daemon" }],
    ["WORKDIR sub/./dir/..", { WorkingDir: "/srv/sub" }],
    ["WORKDIR /", { WorkingDir: "/" }],
    ["STOPSIGNAL SIGINT", { StopSignal: "SIGINT" }],
    ["ONBUILD RUN make", { OnBuild: ["RUN make"] }],
    ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
    [
      "HEALTHCHECK --interval=5s --retries=3 CMD wget -q localhost",
      { Healthcheck: { Test: ["CMD-SHELL", "wget -q localhost"], Interval: 5e9, Retries: 3 } },
    ],
    ['HEALTHCHECK CMD ["true"]', { Healthcheck: { Test: ["CMD", "true"] } }],
  ])("applies %s", (change, expected) => {
    const config = { Env: ["PATH=/bin", "A=x"], Labels: { old: "1" }, WorkingDir: "/srv", Cmd: ["sh"] };
    expect(applyChanges(config, [change])).toEqual({ ...config, ...expected });
  });

  it("leaves a CMD that came before an ENTRYPOINT", () => {
    expect(applyChanges({}, ["CMD a", 'ENTRYPOINT ["b"]'])).toEqual({ Cmd: ["/bin/sh", "-c", "a"], Entrypoint: ["b"] });
  });

  it.each([
    ["RUN make", "run is not a valid change command"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV A", "ENV must have two arguments"],
    ["ENV =b", "ENV names can not be blank"],
    ["ENV A=b C", 'Syntax error - can\'t find = in "C". Must be of the form: name=value'],
    ["ENV A='b", "unexpected end of statement while looking for matching quote"],
    ["USER a b", "USER requires exactly one argument"],
    ["EXPOSE http", expect.stringContaining("invalid")],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
    ["HEALTHCHECK EXEC x", 'Unknown type "EXEC" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --interval=soon CMD x", expect.stringContaining("invalid duration")],
    ["constructor x", "constructor is not a valid change command"],
  ])("refuses %s", (change, message) => {
    expect(() => applyChanges({}, [change])).toThrow(expect.objectContaining({ code: "invalid-argument", message }));
  });
});
