// `--mount type=…,source=…,target=…`
import type { BindOptions, Mount, MountType, TmpfsOptions, VolumeOptions } from "../../api/types.js";
import { parseBool, parseUint } from "./basic.js";
import { type Flag, flag } from "./flag.js";
import { csvFields, cut } from "./pairs.js";
import { parseBytes } from "./quantities.js";

export function mounts(usage: string): Flag<readonly Mount[]> {
  return flag({ label: "mount", parse: (text, before: readonly Mount[] = []) => [...before, parseMount(text)] }, usage);
}

/** What the fields say, before it is known which of them go together. */
interface Draft {
  type: string;
  source?: string;
  target?: string;
  readOnly?: boolean;
  consistency?: string;
  image?: { Subpath: string };
  readonly bind: { -readonly [K in keyof BindOptions]: BindOptions[K] };
  readonly volume: { noCopy?: boolean; subpath?: string; driver?: string };
  readonly volumeLabels: Record<string, string>;
  readonly volumeOptions: Record<string, string>;
  readonly tmpfs: { -readonly [K in keyof TmpfsOptions]: TmpfsOptions[K] };
}

type Field = (draft: Draft, value: string, key: string) => void;

const setSource: Field = (draft, value) => {
  draft.source = value;
};
const setTarget: Field = (draft, value) => {
  draft.target = value;
};
const setReadOnly: Field = (draft, value, key) => {
  draft.readOnly = boolField(key, value);
};

const fields: Readonly<Record<string, Field>> = {
  type: (draft, value) => {
    draft.type = value.toLowerCase();
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (draft, value) => {
    draft.consistency = value.toLowerCase();
  },
  "bind-propagation": (draft, value) => {
    draft.bind.Propagation = value.toLowerCase();
  },
  "bind-nonrecursive": (draft, value, key) => {
    draft.bind.NonRecursive = boolField(key, value);
  },
  "bind-recursive": setRecursive,
  "volume-nocopy": (draft, value, key) => {
    draft.volume.noCopy = boolField(key, value);
  },
  "volume-subpath": (draft, value) => {
    draft.volume.subpath = value;
  },
  "volume-label": (draft, value) => {
    const [name, text] = cut(value);
    draft.volumeLabels[name] = text;
  },
  "volume-driver": (draft, value) => {
    draft.volume.driver = value;
  },
  "volume-opt": (draft, value) => {
    const [name, text] = cut(value);
    draft.volumeOptions[name] = text;
  },
  "image-subpath": (draft, value) => {
    draft.image = { Subpath: value };
  },
  "tmpfs-size": (draft, value, key) => {
    draft.tmpfs.SizeBytes = checked(key, value, () => parseBytes(value));
  },
  "tmpfs-mode": (draft, value, key) => {
    draft.tmpfs.Mode = checked(key, value, () => parseOctal(value));
  },
};

const bareFields = ["readonly", "ro", "volume-nocopy", "bind-nonrecursive"];

/** @throws Error in docker's words */
export function parseMount(text: string): Mount {
  if (text.trim() === "") throw new Error("EOF");
  const draft: Draft = { type: "volume", bind: {}, volume: {}, volumeLabels: {}, volumeOptions: {}, tmpfs: {} };
  const given = new Set<string>();
  for (const field of csvFields(text)) given.add(readField(draft, field));
  return finish(draft, given);
}

function readField(draft: Draft, field: string): string {
  const at = field.indexOf("=");
  const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  if (at < 0 && !bareFields.includes(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
  const set = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (set === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
  set(draft, at < 0 ? "true" : field.slice(at + 1), key);
  return key;
}

function finish(draft: Draft, given: ReadonlySet<string>): Mount {
  if ((draft.target ?? "") === "") throw new Error("target is required");
  for (const family of ["volume", "image", "bind", "tmpfs"]) {
    const isMixed = family !== draft.type && [...given].some((key) => key.startsWith(`${family}-`));
    if (isMixed) throw new Error(`cannot mix '${family}-*' options with mount type '${draft.type}'`);
  }
  checkReadOnlyRecursion(draft, given);
  return mountOf(draft, given);
}

function checkReadOnlyRecursion({ bind, readOnly }: Draft, given: ReadonlySet<string>): void {
  const value = bind.ReadOnlyForceRecursive === true ? "readonly" : "writable";
  if (!given.has("bind-recursive") || (bind.ReadOnlyForceRecursive !== true && bind.ReadOnlyNonRecursive !== true))
    return;
  if (readOnly !== true)
    throw new Error(`option 'bind-recursive=${value}' requires 'readonly' to be specified in conjunction`);
  if (value === "readonly" && bind.Propagation !== "rprivate") {
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}

function mountOf(draft: Draft, given: ReadonlySet<string>): Mount {
  const has = (family: string): boolean => [...given].some((key) => key.startsWith(`${family}-`));
  const bind = Object.values(draft.bind).some((value) => value !== undefined && value !== false);
  return {
    Type: draft.type as MountType,
    ...(draft.source ? { Source: draft.source } : {}),
    ...(draft.target ? { Target: draft.target } : {}),
    ...(draft.readOnly === true ? { ReadOnly: true } : {}),
    ...(draft.consistency ? { Consistency: draft.consistency } : {}),
    ...(bind ? { BindOptions: bindOptions(draft) } : {}),
    ...(has("volume") ? { VolumeOptions: volumeOptions(draft) } : {}),
    ...(draft.image === undefined ? {} : { ImageOptions: draft.image }),
    ...(has("tmpfs") ? { TmpfsOptions: draft.tmpfs } : {}),
  };
}

function bindOptions({
  bind: { Propagation, NonRecursive, ReadOnlyNonRecursive, ReadOnlyForceRecursive },
}: Draft): BindOptions {
  return {
    ...(Propagation ? { Propagation } : {}),
    ...(NonRecursive === true ? { NonRecursive } : {}),
    ...(ReadOnlyNonRecursive === true ? { ReadOnlyNonRecursive } : {}),
    ...(ReadOnlyForceRecursive === true ? { ReadOnlyForceRecursive } : {}),
  };
}

function volumeOptions({ volume, volumeLabels, volumeOptions: options }: Draft): VolumeOptions {
  return {
    ...(volume.noCopy === true ? { NoCopy: true } : {}),
    ...(Object.keys(volumeLabels).length === 0 ? {} : { Labels: volumeLabels }),
    ...(volume.subpath ? { Subpath: volume.subpath } : {}),
    DriverConfig: {
      ...(volume.driver ? { Name: volume.driver } : {}),
      ...(Object.keys(options).length === 0 ? {} : { Options: options }),
    },
  };
}

function setRecursive(draft: Draft, value: string, key: string): void {
  switch (value) {
    case "enabled":
      return;
    case "disabled":
      draft.bind.NonRecursive = true;
      return;
    case "writable":
      draft.bind.ReadOnlyNonRecursive = true;
      return;
    case "readonly":
      draft.bind.ReadOnlyForceRecursive = true;
      return;
    default:
      throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
  }
}

function boolField(key: string, value: string): boolean {
  return checked(key, value, () => parseBool(value));
}

function parseOctal(value: string): number {
  if (!/^[0-7]+$/.test(value)) throw new Error("not octal");
  return parseUint(String(Number.parseInt(value, 8)), 32);
}

function checked<T>(key: string, value: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}
