import { EngineError } from "../errors.ts";
import { isDigest } from "./digest.ts";

/**
 * A *reference* names an image: `[domain/]path[:tag][@digest]`. The domain is the registry, domain and path together
 * the *repository*. People write the *familiar* form (`busybox`), containerd stores the *canonical* one
 * (`docker.io/library/busybox:latest`). The grammar is that of the distribution project, which docker follows.
 */
const DOMAIN_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";

const REFERENCE = new RegExp(
  `^(?<domain>${DOMAIN})/(?<path>${PATH_COMPONENT}(?:/${PATH_COMPONENT})*)(?::(?<tag>${TAG}))?(?:@(?<digest>${DIGEST}))?$`,
);
const IMAGE_ID = /^[a-f0-9]{64}$/;

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL_PREFIX = "library/";
const DEFAULT_TAG = "latest";
const MAX_REPOSITORY_LENGTH = 255;
/** No host, repository, tag and digest together are as long; matching takes longer the more there is of it. */
const MAX_LENGTH = 1024;

interface ReferenceParts {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** The name of an image; immutable, and well-formed as long as it exists. */
export class Reference {
  /** The registry, with its port if it was written: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;

  private constructor({ domain, path, tag, digest }: ReferenceParts) {
    this.domain = domain;
    this.path = path;
    this.tag = tag;
    this.digest = digest;
  }

  /**
   * Reads a reference in familiar or canonical form. No tag is added: see `withDefaultTag`.
   *
   * @throws EngineError `invalid-argument`, in docker's words.
   */
  static parse(text: string): Reference {
    if (IMAGE_ID.test(text)) {
      throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
    }
    if (text.length > MAX_LENGTH) throw invalid("invalid reference format");
    const [domain, remainder] = splitDomain(text);
    const [path = ""] = remainder.split(":", 1);
    if (path !== path.toLowerCase()) {
      throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
    }
    const parts = REFERENCE.exec(`${domain}/${remainder}`)?.groups as ReferenceParts | undefined;
    if (!parts || (parts.digest !== undefined && !isDigest(parts.digest))) {
      throw invalid("invalid reference format");
    }
    if (parts.path.length > MAX_REPOSITORY_LENGTH) {
      throw invalid(
        `invalid reference format: repository name must not be more than ${MAX_REPOSITORY_LENGTH} characters`,
      );
    }
    return new Reference(parts);
  }

  /** This reference with `:latest` when it has neither tag nor digest. */
  withDefaultTag(): Reference {
    return this.tag === undefined && this.digest === undefined ? this.withTag(DEFAULT_TAG) : this;
  }

  /** The same repository under `tag`, without a digest. `tag` must be well-formed. */
  withTag(tag: string): Reference {
    return Reference.parse(`${this.repository}:${tag}`);
  }

  /** The same repository at `digest`, without a tag. */
  withDigest(digest: string): Reference {
    return Reference.parse(`${this.repository}@${digest}`);
  }

  /** Domain and path: `docker.io/library/busybox`. */
  get repository(): string {
    return `${this.domain}/${this.path}`;
  }

  /** The repository as people write it: `busybox`, `user/app`, `localhost:5000/app`. */
  get familiarRepository(): string {
    if (this.domain !== DEFAULT_DOMAIN) {
      return this.repository;
    }
    const components = this.path.split("/");
    return components.length === 2 && this.path.startsWith(OFFICIAL_PREFIX)
      ? this.path.slice(OFFICIAL_PREFIX.length)
      : this.path;
  }

  /** The canonical form, under which containerd stores the image. */
  toString(): string {
    return this.repository + this.suffix;
  }

  /** The form that people write and docker prints. */
  familiar(): string {
    return this.familiarRepository + this.suffix;
  }

  private get suffix(): string {
    return (this.tag === undefined ? "" : `:${this.tag}`) + (this.digest === undefined ? "" : `@${this.digest}`);
  }
}

/** Tells a registry from the first component of a path: it has a dot, a port or capitals, or is `localhost`. */
function splitDomain(text: string): [domain: string, remainder: string] {
  const slash = text.indexOf("/");
  if (slash < 0) {
    return [DEFAULT_DOMAIN, OFFICIAL_PREFIX + text];
  }
  const first = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (first === DEFAULT_DOMAIN || first === LEGACY_DEFAULT_DOMAIN) {
    return [DEFAULT_DOMAIN, rest.includes("/") ? rest : OFFICIAL_PREFIX + rest];
  }
  const isDomain = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  return isDomain ? [first, rest] : [DEFAULT_DOMAIN, text];
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
