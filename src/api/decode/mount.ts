// Docker's Mount → ours.

import { SwarmError } from "../../base/index.js";
import {
  type BindOptions,
  type Mount,
  MountType,
  type TmpfsOptions,
  type VolumeOptions,
} from "../../gen/skep/v1/specs.js";
import { mountTypeWords, valueOf } from "./enums.js";
import type { Reader } from "./reader.js";

const propagations: readonly string[] = ["", "rprivate", "private", "rshared", "shared", "rslave", "slave"];
const consistencies: readonly string[] = ["", "default", "consistent", "cached", "delegated"];

export function decodeMount(mount: Reader): Mount {
  const type = mount.text("Type");
  const image = mount.object("ImageOptions");
  return {
    type: mountType(type),
    source: mount.text("Source"),
    target: mount.text("Target"),
    readOnly: mount.flag("ReadOnly"),
    consistency: oneOf(consistencies, mount.text("Consistency"), "MountConsistency"),
    bind: decodeBind(mount.object("BindOptions")),
    volume: decodeVolume(mount.object("VolumeOptions")),
    tmpfs: decodeTmpfs(mount.object("TmpfsOptions")),
    image: image && { subpath: image.text("Subpath") },
  };
}

function mountType(word: string): MountType {
  const type = valueOf(mountTypeWords, word, `invalid MountType: "${word}"`);
  if (type !== MountType.CLUSTER) return type;
  throw new SwarmError("Unimplemented", "cluster volumes are not built yet: use a mount of type volume or bind");
}

function decodeBind(bind: Reader | undefined): BindOptions | undefined {
  return (
    bind && {
      propagation: oneOf(propagations, bind.text("Propagation"), "MountPropagation"),
      nonRecursive: bind.flag("NonRecursive"),
      createMountpoint: bind.flag("CreateMountpoint"),
      readOnlyNonRecursive: bind.flag("ReadOnlyNonRecursive"),
      readOnlyForceRecursive: bind.flag("ReadOnlyForceRecursive"),
    }
  );
}

function decodeVolume(volume: Reader | undefined): VolumeOptions | undefined {
  if (volume === undefined) return undefined;
  const driver = volume.object("DriverConfig");
  return {
    noCopy: volume.flag("NoCopy"),
    labels: volume.textMap("Labels"),
    subpath: volume.text("Subpath"),
    driver: driver && { name: driver.text("Name"), options: driver.textMap("Options") },
  };
}

function decodeTmpfs(tmpfs: Reader | undefined): TmpfsOptions | undefined {
  return (
    tmpfs && {
      sizeBytes: tmpfs.int("SizeBytes"),
      mode: tmpfs.smallCount("Mode"),
      options: tmpfs.textLists("Options").map(tmpfsOption),
    }
  );
}

/** `["noexec"]` or `["uid", "1000"]`. */
function tmpfsOption(parts: readonly string[]): string {
  if (parts.length < 1 || parts.length > 2) {
    throw new SwarmError("InvalidArgument", "invalid tmpfs option: must be a name, or a name and a value");
  }
  return parts.join("=");
}

function oneOf(words: readonly string[], word: string, what: string): string {
  if (!words.includes(word)) throw new SwarmError("InvalidArgument", `invalid ${what}: "${word}"`);
  return word;
}
