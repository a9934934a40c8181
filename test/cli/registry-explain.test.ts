import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fail, LocalRegistry } from "../registry/local-registry.ts";
import { runCli } from "../support/cli.ts";
import { buildImage, randomLayer, type TestImage } from "../support/images.ts";
import { freePort } from "../support/registry.ts";

let image: TestImage;
let registry: LocalRegistry;
let directory: string;

beforeEach(async () => {
  image = await buildImage({ layers: [randomLayer(1000)] });
  registry = await LocalRegistry.start(image);
  directory = await mkdtemp(join(tmpdir(), "wharf-explain-"));
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const wharf = (...args: string[]) => runCli(args, { env: { DOCKER_CONFIG: directory, WHARF_HOSTS_DIR: directory } });

describe("registry explain", () => {
  it("says which hosts are asked, as whom, by which file, and what each answers now; and never a secret", async () => {
    const gone = `127.0.0.1:${await freePort()}`;
    const path = join(directory, "registry.invalid/hosts.toml");
    await mkdir(join(path, ".."));
    await writeFile(
      path,
      `server = "http://${registry.host}"
       [host."http://${gone}"]
       [host."http://${gone}".header]
       Authorization = "Bearer hidden-1"
       [host."https://push.invalid"]
       capabilities = ["push"]`,
    );
    const auth = Buffer.from("me:hidden-2").toString("base64");
    await writeFile(join(directory, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    registry.intercept = ({ headers }, response) => {
      response.setHeader("RateLimit-Remaining", "99;w=21600");
      if (headers.authorization === `Basic ${auth}`) return false;
      response.setHeader("www-authenticate", 'Basic realm="here"');
      fail(response, 401, "UNAUTHORIZED");
      return true;
    };

    const { exitCode, stdout, stderr } = await wharf("registry", "explain", "registry.invalid/app");

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`Reference:           registry.invalid/app:latest
Registry:            registry.invalid
Repository:          app

1. http://${gone}/v2 (mirror)
   Configured by:       ${path}
   Capabilities:        resolve, pull, push
   TLS:                 none
   Headers:             authorization
   Credentials:         none
   Answer:              cannot reach registry ${gone}: connection refused

2. https://push.invalid/v2 (mirror)
   Configured by:       ${path}
   Capabilities:        push
   TLS:                 verified
   Credentials:         none
   Answer:              not asked

3. http://${registry.host}/v2 (mirror)
   Configured by:       ${path}
   Capabilities:        resolve, pull, push
   TLS:                 none
   Credentials:         password of me, from auths["${registry.host}"] in ${directory}/config.json
   Answer:              200, ${image.target.digest}
   Rate limits:         ratelimit-remaining: 99;w=21600

The image is pulled from http://${registry.host}/v2
`);

    const json = await wharf("registry", "explain", "--format", "json", "registry.invalid/app");
    const explanation = JSON.parse(json.stdout);
    expect(explanation).toMatchObject({ registry: "registry.invalid", chosen: 2 });
    expect(explanation.hosts[2]).toMatchObject({ status: 200, credentials: { type: "password", username: "me" } });
    expect(json.stdout + stdout).not.toMatch(/hidden-|bWU6/);
  });

  it("fails when no host serves the image", async () => {
    const { exitCode, stdout } = await wharf("registry", "explain", `${registry.host}/absent`);

    expect(exitCode).toBe(1);
    expect(stdout).toContain("Configured by:       its name\n");
    expect(stdout).toContain("Answer:              404\n");
    expect(stdout.endsWith("\nNo host serves the image.\n")).toBe(true);
  });
});

describe("search", () => {
  const RESULTS = [
    { name: "few", description: `${"word ".repeat(12)}\nend`, star_count: 1, is_official: false },
    { name: "many", description: "", star_count: 700, is_official: true, is_automated: true },
  ];

  beforeEach(() => {
    registry.intercept = ({ path }, response) => {
      if (!path.startsWith("/v1/search?")) return false;
      response.end(JSON.stringify({ query: "x", num_results: 2, results: RESULTS }));
      return true;
    };
  });

  it("shows docker's columns, the most loved first", async () => {
    const term = `${registry.host}/app`;

    expect(
      (await wharf("search", term)).stdout,
    ).toBe(`NAME      DESCRIPTION                                     STARS     OFFICIAL
many                                                      700       [OK]
few       word word word word word word word word word…   1         
`);
    expect(registry.log.at(-1)).toBe("GET /v1/search?q=app&n=25");
    expect((await wharf("search", "--no-trunc", "--limit", "5", "--format", "{{.Description}}|", term)).stdout).toBe(
      `|\n${"word ".repeat(12)} end|\n`,
    );
    expect(registry.log.at(-1)).toBe("GET /v1/search?q=app&n=5");
    expect(
      (await wharf("search", "-f", "stars=3", "-f", "is-official=true", "--format", "{{.Name}}", term)).stdout,
    ).toBe("many\n");
  });

  it("says what it does not know, and what cannot be searched", async () => {
    const term = `${registry.host}/app`;
    expect((await wharf("search", "--limit", "101", term)).stderr).toContain("invalid limit: 101");
    expect((await wharf("search", "-f", "size=3", term)).stderr).toContain("invalid filter 'size'");
    expect((await wharf("search", "-f", "stars=x", term)).stderr).toContain("invalid filter 'stars=x'");
    registry.intercept = (_, response) => {
      response.writeHead(404).end();
      return true;
    };
    expect(await wharf("search", term)).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `wharf: registry ${registry.host} cannot be searched\nMost registries have no search; Docker Hub has one.\n`,
    });
  });
});
