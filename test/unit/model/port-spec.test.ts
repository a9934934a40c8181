import { describe, expect, it } from "vitest";
import { parseExpose, parsePortKey, parsePublish, portBindings } from "../../../src/model/port-spec.ts";

/** Specs in one line: `hostIp|hostPort->containerPort/protocol`. */
function shown(text: string): string[] {
  return parsePublish(text).map(
    ({ hostIp, hostPort, containerPort, protocol }) => `${hostIp}|${hostPort}->${containerPort}/${protocol}`,
  );
}

describe("parsePublish", () => {
  it.each([
    ["80", ["|->80/tcp"]],
    [":80", ["|->80/tcp"]],
    ["0:80", ["|0->80/tcp"]],
    ["8080:80", ["|8080->80/tcp"]],
    ["8080:80/UDP", ["|8080->80/udp"]],
    ["80/", ["|->80/tcp"]],
    ["1.2.3.4:80:80", ["1.2.3.4|80->80/tcp"]],
    ["1.2.3.4::80", ["1.2.3.4|->80/tcp"]],
    ["[::1]:80:80", ["::1|80->80/tcp"]],
    ["::1:80:80", ["::1|80->80/tcp"]],
    ["8000-8010:80", ["|8000-8010->80/tcp"]],
    ["8000-8001:80-81", ["|8000->80/tcp", "|8001->81/tcp"]],
    ["80-81", ["|->80/tcp", "|->81/tcp"]],
    ["published=8080,target=80,protocol=udp", ["|8080->80/udp"]],
  ])("reads %s", (text, specs) => {
    expect(shown(text)).toEqual(specs);
  });

  it.each([
    ["", "no port specified: <empty>"],
    ["8080:", "no port specified: 8080:<empty>"],
    ["foo", "invalid containerPort: foo"],
    ["80:70000", "invalid containerPort: 70000"],
    ["70000:80", "invalid hostPort: 70000"],
    ["1.2.3.4:80", "invalid hostPort: 1.2.3.4"],
    ["80-79:80", "invalid hostPort: 80-79"],
    ["8000-8010:80-85", "invalid ranges specified for container and host Ports: 80-85 and 8000-8010"],
    ["1.2.3.4.5:80:80", "invalid IP address: 1.2.3.4.5"],
    ["80:80/foo", "invalid proto: foo"],
    ["target=80,foo", "invalid publish opts format (should be name=value but got 'foo')"],
  ])("refuses %j", (text, message) => {
    expect(() => parsePublish(text)).toThrow(message);
  });

  it("groups bindings by the container's port", () => {
    expect(
      portBindings([...parsePublish("80:80"), ...parsePublish("127.0.0.1::80"), ...parsePublish("53/udp")]),
    ).toEqual({
      "80/tcp": [
        { HostIp: "", HostPort: "80" },
        { HostIp: "127.0.0.1", HostPort: "" },
      ],
      "53/udp": [{ HostIp: "", HostPort: "" }],
    });
  });
});

describe("parseExpose", () => {
  it("makes a range one port each", () => {
    expect(parseExpose("80-82/udp")).toEqual(["80/udp", "81/udp", "82/udp"]);
  });

  it.each([
    ["80:90", "invalid port format for --expose: 80:90"],
    ["", "invalid range format for --expose: , error: empty string specified for ports."],
    ["foo", 'invalid range format for --expose: foo, error: strconv.ParseUint: parsing "foo": invalid syntax'],
    ["80-70", "invalid range format for --expose: 80-70, error: invalid range specified for the port: 80-70"],
    [
      "70000",
      'invalid range format for --expose: 70000, error: strconv.ParseUint: parsing "70000": value out of range',
    ],
  ])("refuses %j", (text, message) => {
    expect(() => parseExpose(text)).toThrow(message);
  });
});

describe("parsePortKey", () => {
  it("reads keys with and without a protocol", () => {
    expect(parsePortKey("80")).toEqual({ port: 80, protocol: "tcp" });
    expect(parsePortKey("53/udp")).toEqual({ port: 53, protocol: "udp" });
    expect(() => parsePortKey("80-90/tcp")).toThrow("invalid port: 80-90/tcp");
  });
});
