import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCli, startCli } from "../support/cli.ts";
import { PASSWORD, type SecureRegistry, startSecureRegistry, USERNAME } from "../support/secure-registry.ts";

let basic: SecureRegistry;
let token: SecureRegistry;
let directory: string;
let config: string;

beforeAll(async () => {
  basic = await startSecureRegistry({ auth: "basic" });
  token = await startSecureRegistry({ auth: "token" });
  for (const { host, authority } of [basic, token]) {
    await mkdir(`/etc/docker/certs.d/${host}`, { recursive: true });
    await writeFile(`/etc/docker/certs.d/${host}/ca.crt`, await readFile(authority.cert));
  }
});

afterAll(async () => {
  for (const { host } of [basic, token]) await rm(`/etc/docker/certs.d/${host}`, { recursive: true, force: true });
  await basic[Symbol.asyncDispose]();
  await token[Symbol.asyncDispose]();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wharf-login-"));
  config = join(directory, "config.json");
  return async () => await rm(directory, { recursive: true, force: true });
});

const environment = () => ({ DOCKER_CONFIG: directory, PATH: `${directory}:${process.env.PATH}` });
const wharf = (args: string[], stdin = "") => runCli(args, { env: environment(), stdin });
const readConfig = async () => JSON.parse(await readFile(config, "utf8"));
const auth = (password: string) => Buffer.from(`${USERNAME}:${password}`).toString("base64");
const login = (host: string) => wharf(["login", "-u", USERNAME, "--password-stdin", host], `${PASSWORD}\n`);

const unencrypted = () => `
WARNING! Your credentials are stored unencrypted in '${config}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`;

describe("login", () => {
  it("keeps what a registry took, as docker does: under its host, for us alone, beside whatever else is in the file", async () => {
    const others = { auths: { "other.example": { auth: "eDp5" } }, HttpHeaders: { "X-A": "1" }, psFormat: "{{.ID}}" };
    await writeFile(config, JSON.stringify(others), { mode: 0o644 });

    const result = await login(`http://${basic.host}/v2/`);

    expect(result).toEqual({ exitCode: 0, stdout: "Login Succeeded\n", stderr: unencrypted() });
    expect(await readFile(config, "utf8")).toBe(
      JSON.stringify({ ...others, auths: { ...others.auths, [basic.host]: { auth: auth(PASSWORD) } } }, null, "\t"),
    );
    expect((await stat(config)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["config.json"]);
  });

  it("changes the file that a link leads to", async () => {
    const real = join(directory, "real.json");
    await symlink(real, config);
    await writeFile(real, "{}");

    expect((await login(basic.host)).exitCode).toBe(0);

    expect(JSON.parse(await readFile(real, "utf8")).auths).toHaveProperty([basic.host]);
    expect(await readConfig()).toHaveProperty(["auths", basic.host]);
  });

  it("keeps nothing that the registry refuses", async () => {
    for (const { host, url } of [
      { host: basic.host, url: `https://${basic.host}/v2/` },
      { host: token.host, url: undefined },
    ]) {
      const { exitCode, stdout, stderr } = await wharf(["login", "-u", USERNAME, "-p", "wrong-pass", host]);

      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toContain("WARNING: Using --password via the CLI is insecure. Use --password-stdin.\n");
      if (url) expect(stderr).toContain(`login attempt to ${url} failed with status: 401 Unauthorized\n`);
      else expect(stderr).toContain("incorrect username or password\n");
      expect(stderr).not.toContain("wrong-pass");
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it("keeps the token that a token server gives in place of a password, and pulls with it", async () => {
    token.tokens.givesRefreshTokens = true;
    token.tokens.requests.length = 0;

    expect(await login(token.host)).toMatchObject({ exitCode: 0, stdout: "Login Succeeded\n" });

    expect(await readConfig()).toEqual({ auths: { [token.host]: { auth: auth(""), identitytoken: "refresh-91d" } } });
    const [asked] = token.tokens.requests;
    expect(asked).toMatchObject({ method: "GET" });
    expect(Object.fromEntries(asked?.query ?? [])).toMatchObject({ offline_token: "true", service: "tests" });
    token.tokens.givesRefreshTokens = false;

    const { stderr } = await wharf(["registry", "explain", "--format", "json", `${token.host}/app`]);

    expect(stderr).toBe("");
    const [traded] = token.tokens.requests.slice(-1);
    expect(traded?.method).toBe("POST");
    expect(Object.fromEntries(traded?.query ?? [])).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "refresh-91d",
      scope: "repository:app:pull",
    });
  });

  it("tries what it has before it asks", async () => {
    await login(basic.host);

    const result = await wharf(["login", basic.host]);

    expect(result).toMatchObject({ exitCode: 0, stdout: "Login Succeeded\n" });
    expect(result.stderr).toContain(`Authenticating with existing credentials... [Username: ${USERNAME}]\n`);
  });

  it.each([
    [["login"], "cannot perform an interactive login from a non TTY device"],
    [["login", "-u", "me", "127.0.0.1:9"], "cannot perform an interactive login from a non TTY device"],
    [["login", "--password-stdin"], "the --password-stdin option requires --username to be set"],
    [["login", "-u", "me", "-p", ""], "password is empty"],
    [["login", "-u", "me", "--password-stdin"], "password is empty"],
    [
      ["login", "-u", "me", "-p", "x", "--password-stdin"],
      "conflicting options: cannot specify both --password and --password-stdin",
    ],
  ])("%j is refused in docker's words", async (args, message) => {
    expect(await wharf(args)).toEqual({ exitCode: 1, stdout: "", stderr: `wharf: ${message}\n` });
  });

  it("asks on a terminal, and shows no password there", async () => {
    const running = startCli(["login", basic.host], { env: environment(), tty: true });
    await running.waitForStdout("Username: ");
    running.write(`${USERNAME}\r`);
    await running.waitForStdout("Password: ");
    running.write(`wrong\x7f\x7f\x7f\x7f\x7f${PASSWORD}\r`);

    const { exitCode, stdout } = await running.result;

    expect(exitCode).toBe(0);
    expect(stdout).toContain("Login Succeeded");
    expect(stdout).not.toMatch(/wrong|secret-7c1/);
    expect(await readConfig()).toEqual({ auths: { [basic.host]: { auth: auth(PASSWORD) } } });
  });

  it("is ended by control-C at the question for the password, and leaves a terminal that echoes", async () => {
    const running = startCli(["login", "-u", USERNAME, basic.host], { env: environment(), tty: true });
    await running.waitForStdout("Password: ");
    running.write("\x03");

    expect((await running.result).exitCode).not.toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  it("gives credentials to a helper where one is named, on its stdin, and the file an empty entry", async () => {
    const heard = join(directory, "heard");
    const helper = join(directory, "docker-credential-ours");
    await writeFile(helper, `#!/bin/sh\necho "$*" >> ${heard}\ncat >> ${heard}\necho >> ${heard}\n`);
    await chmod(helper, 0o755);
    await writeFile(config, JSON.stringify({ credHelpers: { [basic.host]: "ours" } }));

    expect(await login(basic.host)).toEqual({ exitCode: 0, stdout: "Login Succeeded\n", stderr: "" });
    expect(await wharf(["logout", basic.host])).toMatchObject({ exitCode: 0, stderr: "" });

    expect(await readConfig()).toEqual({ credHelpers: { [basic.host]: "ours" }, auths: {} });
    const stored = JSON.stringify({ ServerURL: basic.host, Username: USERNAME, Secret: PASSWORD });
    const lines = (await readFile(heard, "utf8")).split("\n").filter(Boolean);
    expect(lines.slice(0, 4)).toEqual(["store", stored, "erase", basic.host]);
  });

  it("says that a helper could not keep them", async () => {
    await writeFile(config, JSON.stringify({ credsStore: "absent" }));

    expect(await login(basic.host)).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "wharf: error saving credentials with docker-credential-absent: it is not in $PATH\n",
    });
  });
});

describe("logout", () => {
  it("forgets a registry under every name that docker has kept it", async () => {
    const kept = { "other.example": { auth: "eDp5" } };
    const older = { [basic.host]: {}, [`https://${basic.host}`]: {}, [`http://${basic.host}`]: {} };
    await writeFile(config, JSON.stringify({ auths: { ...kept, ...older } }));

    expect(await wharf(["logout", `https://${basic.host}/v2/`])).toEqual({
      exitCode: 0,
      stdout: `Removing login credentials for ${basic.host}\n`,
      stderr: "",
    });

    expect(await readConfig()).toEqual({ auths: kept });
    expect(await wharf(["logout"])).toMatchObject({
      exitCode: 0,
      stdout: "Removing login credentials for https://index.docker.io/v1/\n",
    });
  });

  it("refuses a file that it cannot read as JSON, and leaves it alone", async () => {
    await writeFile(config, '{"auths": {');

    const { exitCode, stderr } = await wharf(["logout", basic.host]);

    expect(exitCode).toBe(1);
    expect(stderr).toBe(`wharf: ${config}: it is not valid JSON\n`);
    expect(await readFile(config, "utf8")).toBe('{"auths": {');
  });
});
