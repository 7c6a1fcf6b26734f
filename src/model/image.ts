// Image references: `[domain/]path[:tag][@digest]`, their short and their whole form (the grammar of the Docker registry).

/** A reference taken apart; `domain` and `path` are always whole (`docker.io`, `library/nginx`). */
export interface ImageReference {
  readonly domain: string;
  readonly path: string;
  readonly tag: string | undefined;
  /** `sha256:…` */
  readonly digest: string | undefined;
}

/** Characters in a repository's name, domain included. */
const repositoryLengthMax = 255;
/** Whole references are bounded before any expression looks at them. */
const referenceLengthMax = 4096;

const defaultDomain = "docker.io";
const officialPrefix = "library/";

const domainLabel = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domainName = new RegExp(`^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagName = /^\w[\w.-]{0,127}$/;
const digestName = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const bareId = /^[a-f0-9]{64}$/;

/** The parts of a reference as a person writes it (`nginx`, `ghcr.io/a/b:1`); undefined when it is none. */
export function parseImage(reference: string): ImageReference | undefined {
  if (reference.length > referenceLengthMax || bareId.test(reference)) return undefined;
  const [beforeDigest, digest, extra] = reference.split("@") as [string, string?, string?];
  if (extra !== undefined || (digest !== undefined && !digestName.test(digest))) return undefined;
  const { name, tag } = splitTag(beforeDigest);
  if (tag !== undefined && !tagName.test(tag)) return undefined;
  const { domain, path } = splitDomain(name);
  if (!domainName.test(domain) || domain.length + 1 + path.length > repositoryLengthMax) return undefined;
  if (!path.split("/").every((component) => pathComponent.test(component))) return undefined;
  return { domain, path, tag, digest };
}

/** As a person writes it: without what is the default anyway. */
export function familiarImage({ domain, path, tag, digest }: ImageReference): string {
  return withSuffix(familiarName(domain, path), tag, digest);
}

/** Whole, with `latest` where neither tag nor digest says otherwise: what is pulled. */
export function normalisedImage({ domain, path, tag, digest }: ImageReference): string {
  return withSuffix(`${domain}/${path}`, tag ?? (digest === undefined ? "latest" : undefined), digest);
}

/** A tag is what follows the last colon, unless a slash follows it: then the colon belongs to a port. */
function splitTag(text: string): { readonly name: string; readonly tag: string | undefined } {
  const colon = text.lastIndexOf(":");
  if (colon < 0 || text.includes("/", colon)) return { name: text, tag: undefined };
  return { name: text.slice(0, colon), tag: text.slice(colon + 1) };
}

/** The first component is a domain if it could be no path: it has a dot, a port, a capital, or is localhost. */
function splitDomain(name: string): { readonly domain: string; readonly path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isDomain = /[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const domain = isDomain ? (first === "index.docker.io" ? defaultDomain : first) : defaultDomain;
  const path = isDomain ? name.slice(slash + 1) : name;
  return { domain, path: domain === defaultDomain && !path.includes("/") ? officialPrefix + path : path };
}

function familiarName(domain: string, path: string): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const short = path.slice(officialPrefix.length);
  return path.startsWith(officialPrefix) && !short.includes("/") ? short : path;
}

function withSuffix(name: string, tag: string | undefined, digest: string | undefined): string {
  return name + (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}
