// Mounts of a task → mounts of a container. What can only be judged on the node is checked here; that a bind's source
// exists is left to the engine, whose file system it is (the daemon may see another one): it answers
// `invalid mount config for type "bind": bind source path does not exist: …`, the words Docker's users know.

import { SwarmError } from "../../base/index.js";
import type { EngineMount } from "../../engine/index.js";
import { type Mount, MountType, type TmpfsOptions } from "../../gen/skep/v1/specs.js";
import type { Expand } from "./templates.js";

export interface ContainerMounts {
  readonly Mounts: readonly EngineMount[];
  /** Temporary file systems with options of their own, which engines before API 1.46 take in no other form. */
  readonly Tmpfs: Readonly<Record<string, string>>;
}

/** @throws SwarmError InvalidArgument in Docker's words */
export function containerMounts(mounts: readonly Mount[], expand: Expand): ContainerMounts {
  const engineMounts: EngineMount[] = [];
  const tmpfs: Record<string, string> = {};
  for (const spec of mounts) {
    const mount = { ...spec, source: expand(spec.source), target: expand(spec.target) };
    checkMount(mount);
    if (mount.type === MountType.TMPFS && (mount.tmpfs?.options.length ?? 0) > 0) {
      tmpfs[mount.target] = tmpfsOptions(mount);
    } else {
      engineMounts.push(engineMount(mount, expand));
    }
  }
  return { Mounts: engineMounts, Tmpfs: tmpfs };
}

function checkMount(mount: Mount): void {
  if (!isAbsolute(mount.target)) refuse(`invalid mount target, must be an absolute path: ${mount.target}`);
  switch (mount.type) {
    case MountType.BIND:
      if (!isAbsolute(mount.source)) refuse(`invalid bind mount source, must be an absolute path: ${mount.source}`);
      return;
    case MountType.VOLUME:
      if (isAbsolute(mount.source)) {
        refuse(`invalid volume mount source, must not be an absolute path: ${mount.source}`);
      }
      return;
    case MountType.TMPFS:
      if (mount.source !== "") refuse("invalid tmpfs source, source must be empty");
      return;
    case MountType.NPIPE:
    case MountType.IMAGE:
      if (mount.source === "") refuse(`invalid ${nameOf(mount)} source, source must not be empty`);
      return;
    case MountType.CLUSTER:
      return refuse("cluster volumes are not built yet; use a volume of the node (type=volume)");
    default:
      return mount.type satisfies never;
  }
}

/** `/x`, or on Windows `C:\x` and `\\.\pipe\x`. */
function isAbsolute(path: string): boolean {
  return /^([/\\]|[a-zA-Z]:[/\\])/.test(path);
}

function refuse(message: string): never {
  throw new SwarmError("InvalidArgument", message);
}

const typeNames = {
  [MountType.BIND]: "bind",
  [MountType.VOLUME]: "volume",
  [MountType.TMPFS]: "tmpfs",
  [MountType.NPIPE]: "npipe",
  [MountType.IMAGE]: "image",
  [MountType.CLUSTER]: "volume",
} as const;

function nameOf(mount: Mount): EngineMount["Type"] {
  return typeNames[mount.type];
}

function engineMount(mount: Mount, expand: Expand): EngineMount {
  return {
    Type: nameOf(mount),
    ...(mount.source !== "" && { Source: mount.source }),
    Target: mount.target,
    ...(mount.readOnly && { ReadOnly: true }),
    ...(mount.consistency !== "" && { Consistency: mount.consistency }),
    ...(mount.bind && { BindOptions: bindOptions(mount.bind) }),
    ...(mount.volume && { VolumeOptions: volumeOptions(mount.volume, expand) }),
    ...(mount.tmpfs && { TmpfsOptions: sizeAndMode(mount.tmpfs) }),
    ...(mount.image && mount.image.subpath !== "" && { ImageOptions: { Subpath: mount.image.subpath } }),
  };
}

function bindOptions(bind: NonNullable<Mount["bind"]>): Readonly<Record<string, unknown>> {
  return {
    ...(bind.propagation !== "" && { Propagation: bind.propagation }),
    ...(bind.nonRecursive && { NonRecursive: true }),
    ...(bind.createMountpoint && { CreateMountpoint: true }),
    ...(bind.readOnlyNonRecursive && { ReadOnlyNonRecursive: true }),
    ...(bind.readOnlyForceRecursive && { ReadOnlyForceRecursive: true }),
  };
}

function volumeOptions(volume: NonNullable<Mount["volume"]>, expand: Expand): Readonly<Record<string, unknown>> {
  return {
    ...(volume.noCopy && { NoCopy: true }),
    ...(Object.keys(volume.labels).length > 0 && { Labels: expandValues(volume.labels, expand) }),
    ...(volume.subpath !== "" && { Subpath: volume.subpath }),
    ...(volume.driver && {
      DriverConfig: { Name: volume.driver.name, Options: expandValues(volume.driver.options, expand) },
    }),
  };
}

function expandValues(map: Readonly<Record<string, string>>, expand: Expand): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, expand(value)]));
}

function sizeAndMode(tmpfs: TmpfsOptions): Readonly<Record<string, unknown>> {
  return {
    ...(tmpfs.sizeBytes > 0 && { SizeBytes: tmpfs.sizeBytes }),
    ...(tmpfs.mode > 0 && { Mode: tmpfs.mode }),
  };
}

/** As in mount(8)'s -o. */
function tmpfsOptions(mount: Mount): string {
  const { sizeBytes = 0, mode = 0, options = [] } = mount.tmpfs ?? {};
  return [
    ...(mount.readOnly ? ["ro"] : []),
    ...(sizeBytes > 0 ? [`size=${sizeBytes}`] : []),
    ...(mode > 0 ? [`mode=${mode.toString(8)}`] : []),
    ...options,
  ].join(",");
}
