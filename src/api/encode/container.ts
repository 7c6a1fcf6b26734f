// Our ContainerSpec → Docker's. Registry credentials never come out again.

import type { ContainerSpec, HealthConfig, Mount, Privileges } from "../../gen/skep/v1/specs.js";
import { encodeBase64 } from "../decode/base64.js";
import { apparmorWords, mountTypeWords, seccompWords, wordOf } from "../decode/enums.js";
import type {
  BindOptions,
  ContainerSpec as ContainerJson,
  DNSConfig,
  HealthConfig as HealthJson,
  Isolation,
  Mount as MountJson,
  Privileges as PrivilegesJson,
  SELinuxContext,
  TmpfsOptions,
  VolumeOptions,
} from "../types.js";
import { compact, nanoseconds, optionalNanoseconds, sortedMap } from "./json.js";

export function encodeContainer(spec: ContainerSpec): ContainerJson {
  // `false` and 0 by pointer are values, not absence.
  const init = spec.init === undefined ? {} : { Init: spec.init };
  const grace = spec.stopGracePeriod && { StopGracePeriod: nanoseconds(spec.stopGracePeriod) };
  return inDockersOrder({
    ...compact<ContainerJson>({
      Image: spec.image,
      Labels: sortedMap(spec.labels),
      Command: spec.command,
      Args: spec.args,
      Hostname: spec.hostname,
      Env: spec.env,
      Dir: spec.dir,
      User: spec.user,
      Groups: spec.groups,
      Privileges: spec.privileges && encodePrivileges(spec.privileges),
      Init: undefined,
      StopSignal: spec.stopSignal,
      TTY: spec.tty,
      OpenStdin: spec.openStdin,
      ReadOnly: spec.readOnly,
      Mounts: spec.mounts.map(encodeMount),
      StopGracePeriod: undefined,
      Healthcheck: spec.healthcheck && encodeHealth(spec.healthcheck),
      Hosts: spec.hosts,
      DNSConfig:
        spec.dns &&
        compact<DNSConfig>({ Nameservers: spec.dns.nameservers, Search: spec.dns.search, Options: spec.dns.options }),
      Secrets: undefined,
      Configs: undefined,
      Isolation: (spec.isolation || "default") as Isolation,
      Sysctls: sortedMap(spec.sysctls),
      CapabilityAdd: spec.capabilityAdd,
      CapabilityDrop: spec.capabilityDrop,
      Ulimits: spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
      OomScoreAdj: spec.oomScoreAdj,
    }),
    ...init,
    ...grace,
  });
}

const order: readonly (keyof ContainerJson)[] = [
  "Image",
  "Labels",
  "Command",
  "Args",
  "Hostname",
  "Env",
  "Dir",
  "User",
  "Groups",
  "Privileges",
  "Init",
  "StopSignal",
  "TTY",
  "OpenStdin",
  "ReadOnly",
  "Mounts",
  "StopGracePeriod",
  "Healthcheck",
  "Hosts",
  "DNSConfig",
  "Isolation",
  "Sysctls",
  "CapabilityAdd",
  "CapabilityDrop",
  "Ulimits",
  "OomScoreAdj",
];

/** No client minds the order, but people compare answers. */
function inDockersOrder(json: ContainerJson): ContainerJson {
  return Object.fromEntries(order.filter((name) => name in json).map((name) => [name, json[name]]));
}

function encodePrivileges({
  credentialSpec,
  selinuxContext,
  seccomp,
  apparmor,
  noNewPrivileges,
}: Privileges): PrivilegesJson {
  return {
    CredentialSpec: credentialSpec
      ? compact({ Config: credentialSpec.config, File: credentialSpec.file, Registry: credentialSpec.registry })
      : null,
    SELinuxContext: selinuxContext
      ? compact<SELinuxContext>({
          Disable: selinuxContext.disable,
          User: selinuxContext.user,
          Role: selinuxContext.role,
          Type: selinuxContext.type,
          Level: selinuxContext.level,
        })
      : null,
    ...(seccomp && {
      Seccomp: {
        Mode: wordOf(seccompWords, seccomp.mode),
        ...(seccomp.profile.length > 0 ? { Profile: encodeBase64(seccomp.profile) } : {}),
      },
    }),
    ...(apparmor && { AppArmor: { Mode: wordOf(apparmorWords, apparmor.mode) } }),
    ...(noNewPrivileges ? { NoNewPrivileges: true } : {}),
  };
}

function encodeHealth(health: HealthConfig): HealthJson {
  return compact<HealthJson>({
    Test: health.test,
    Interval: optionalNanoseconds(health.interval),
    Timeout: optionalNanoseconds(health.timeout),
    StartPeriod: optionalNanoseconds(health.startPeriod),
    StartInterval: optionalNanoseconds(health.startInterval),
    Retries: health.retries,
  });
}

function encodeMount(mount: Mount): MountJson {
  const { bind, volume, tmpfs, image } = mount;
  return compact<MountJson>({
    Type: wordOf(mountTypeWords, mount.type),
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    Consistency: mount.consistency,
    BindOptions:
      bind &&
      compact<BindOptions>({
        Propagation: bind.propagation,
        NonRecursive: bind.nonRecursive,
        CreateMountpoint: bind.createMountpoint,
        ReadOnlyNonRecursive: bind.readOnlyNonRecursive,
        ReadOnlyForceRecursive: bind.readOnlyForceRecursive,
      }),
    VolumeOptions:
      volume &&
      compact<VolumeOptions>({
        NoCopy: volume.noCopy,
        Labels: sortedMap(volume.labels),
        Subpath: volume.subpath,
        DriverConfig: volume.driver && compact({ Name: volume.driver.name, Options: sortedMap(volume.driver.options) }),
      }),
    ImageOptions: image && compact({ Subpath: image.subpath }),
    TmpfsOptions:
      tmpfs &&
      compact<TmpfsOptions>({
        SizeBytes: tmpfs.sizeBytes,
        Mode: tmpfs.mode,
        Options: tmpfs.options.map((option) => option.split(/=(.*)/s, 2)),
      }),
    ClusterOptions: undefined,
  });
}
