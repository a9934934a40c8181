import { describe, expect, it } from "vitest";
import { displayPorts } from "../../../src/cli/displayed-ports.ts";
import type { PortSummary } from "../../../src/model/container-view.ts";

function published(
  IP: string,
  PublicPort: number,
  PrivatePort: number,
  Type: PortSummary["Type"] = "tcp",
): PortSummary {
  return { IP, PrivatePort, PublicPort, Type };
}

function exposed(PrivatePort: number, Type: PortSummary["Type"] = "tcp"): PortSummary {
  return { PrivatePort, Type };
}

describe("displayPorts", () => {
  it.each<[ports: PortSummary[], text: string]>([
    [[], ""],
    [[exposed(80)], "80/tcp"],
    [[published("0.0.0.0", 8080, 80)], "0.0.0.0:8080->80/tcp"],
    [[published("::", 8080, 80)], "[::]:8080->80/tcp"],
    [[published("0.0.0.0", 80, 80)], "0.0.0.0:80->80/tcp"],
    [[exposed(82), exposed(80), exposed(81), exposed(90)], "80-82/tcp, 90/tcp"],
    [[exposed(53, "udp"), exposed(53)], "53/tcp, 53/udp"],
    [[published("0.0.0.0", 8001, 8001), published("0.0.0.0", 8000, 8000)], "0.0.0.0:8000-8001->8000-8001/tcp"],
    [[published("0.0.0.0", 9001, 81), published("0.0.0.0", 9000, 80)], "0.0.0.0:9000->80/tcp, 0.0.0.0:9001->81/tcp"],
  ])("shows %o as %s", (ports, text) => {
    expect(displayPorts(ports)).toBe(text);
  });

  // As `docker ps` of docker 28 shows a container of these ports.
  it("puts ports under another number behind the ranges", () => {
    const ports = ["0.0.0.0", "::"].flatMap((ip) => [
      published(ip, 8080, 80),
      ...[8000, 8001, 8002].map((port) => published(ip, port, port)),
    ]);
    expect(displayPorts([...ports, published("127.0.0.1", 53, 53, "udp")])).toBe(
      "127.0.0.1:53->53/udp, 0.0.0.0:8000-8002->8000-8002/tcp, [::]:8000-8002->8000-8002/tcp, " +
        "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
    );
  });
});
