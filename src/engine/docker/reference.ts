// How an image reference is put into the engine's calls. Syntax is checked elsewhere; here it is only cut.

/** `fromImage` and `tag` of a pull. Without a tag the engine would fetch every one, so it is `latest`; a digest wins over a tag. */
export function pullParts(image: string): { readonly fromImage: string; readonly tag: string } {
  const { name, tag, digest } = cut(image);
  return { fromImage: name, tag: digest ?? tag ?? "latest" };
}

/** What the engine finds an image by: with a digest it knows no tag. */
export function lookupName(image: string): string {
  const { name, digest } = cut(image);
  return digest === undefined ? image : `${name}@${digest}`;
}

function cut(image: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const [named = "", digest] = image.split("@", 2);
  // A colon before the last slash belongs to the registry's port.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  return colon < 0
    ? { name: named, tag: undefined, digest }
    : { name: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}
