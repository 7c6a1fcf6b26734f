// Image names as people write them, and as the daemon wants them.

/** `name:tag@sha256:…` to `name:tag`; a name that has only a digest keeps it. */
export function familiarImage(image: string): string {
  const [, tagged] = /^(.*[^/:@]:[^/:@]+)@sha256:[0-9a-f]{64}$/.exec(image) ?? [];
  return shortName(tagged ?? image);
}

/** docker.io/library/nginx is nginx. */
function shortName(image: string): string {
  return image.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, "");
}

const pathPart = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const domain =
  "(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\\[[a-fA-F0-9:]+\\])(?::\\d+)?";
const reference = new RegExp(
  `^(?:(${domain})/)?(${pathPart}(?:/${pathPart})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

const nameCharactersMax = 255;

/** Adds `:latest` where there is neither tag nor digest; undefined: not a reference, left to the daemon to judge. */
export function taggedImage(image: string): string | undefined {
  const [matched, , name = "", tag, digest] = reference.exec(image) ?? [];
  if (matched === undefined || name.length > nameCharactersMax || /^[a-f0-9]{64}$/.test(image)) return undefined;
  return shortName(tag === undefined && digest === undefined ? `${image}:latest` : image);
}

export function hasDigest(image: string): boolean {
  return image.includes("@");
}
