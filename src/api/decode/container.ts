// Docker's ContainerSpec → ours.

import { SwarmError } from "../../base/index.js";
import type { ContainerSpec, DnsConfig, HealthConfig, Privileges, Ulimit } from "../../gen/skep/v1/specs.js";
import { decodeBase64 } from "./base64.js";
import { apparmorWords, seccompWords, valueOf } from "./enums.js";
import { decodeMount } from "./mount.js";
import type { Reader } from "./reader.js";

const isolations: readonly string[] = ["", "default", "process", "hyperv"];

export function decodeContainer(container: Reader): ContainerSpec {
  refuseReferences(container);
  const init = container.optionalFlag("Init");
  const oomScoreAdj = container.int("OomScoreAdj");
  return {
    image: container.text("Image"),
    labels: container.textMap("Labels"),
    command: container.texts("Command"),
    args: container.texts("Args"),
    hostname: container.text("Hostname"),
    env: container.texts("Env"),
    dir: container.text("Dir"),
    user: container.text("User"),
    groups: container.texts("Groups"),
    privileges: decodePrivileges(container.object("Privileges")),
    ...(init === undefined ? {} : { init }),
    stopSignal: container.text("StopSignal"),
    tty: container.flag("TTY"),
    openStdin: container.flag("OpenStdin"),
    readOnly: container.flag("ReadOnly"),
    mounts: container.objects("Mounts").map(decodeMount),
    stopGracePeriod: container.optionalDuration("StopGracePeriod"),
    healthcheck: decodeHealth(container.object("Healthcheck")),
    hosts: container.texts("Hosts"),
    dns: decodeDns(container.object("DNSConfig")),
    sysctls: container.textMap("Sysctls"),
    capabilityAdd: container.texts("CapabilityAdd"),
    capabilityDrop: container.texts("CapabilityDrop"),
    ulimits: container.objects("Ulimits").map(decodeUlimit),
    ...(oomScoreAdj === 0 ? {} : { oomScoreAdj }),
    registryAuth: "",
    isolation: decodeIsolation(container.text("Isolation")),
  };
}

/** Docker looks these up in the store; Skep has none to find. */
function refuseReferences(container: Reader): void {
  const meanwhile = "not built yet: give the data as an environment variable, or mount a file that every node has";
  if (container.objects("Secrets").length > 0) throw new SwarmError("Unimplemented", `secrets are ${meanwhile}`);
  if (container.objects("Configs").length > 0) throw new SwarmError("Unimplemented", `configs are ${meanwhile}`);
}

/** `default` is what nothing is shown as: a client that sends it back changes nothing. */
function decodeIsolation(isolation: string): string {
  if (isolations.includes(isolation)) return isolation === "default" ? "" : isolation;
  throw new SwarmError("InvalidArgument", `invalid Isolation: "${isolation}"`);
}

function decodePrivileges(privileges: Reader | undefined): Privileges | undefined {
  if (privileges === undefined) return undefined;
  const selinux = privileges.object("SELinuxContext");
  const seccomp = privileges.object("Seccomp");
  const apparmor = privileges.object("AppArmor");
  return {
    credentialSpec: decodeCredentials(privileges.object("CredentialSpec")),
    selinuxContext: selinux && {
      disable: selinux.flag("Disable"),
      user: selinux.text("User"),
      role: selinux.text("Role"),
      type: selinux.text("Type"),
      level: selinux.text("Level"),
    },
    seccomp: seccomp && {
      mode: modeOf(seccompWords, seccomp.text("Mode"), "seccomp"),
      profile: decodeBase64(seccomp.text("Profile")),
    },
    apparmor: apparmor && { mode: modeOf(apparmorWords, apparmor.text("Mode"), "AppArmor") },
    noNewPrivileges: privileges.flag("NoNewPrivileges"),
  };
}

function modeOf<Value extends number>(words: Readonly<Record<string, Value>>, mode: string, what: string): Value {
  return valueOf(words, mode === "" ? "default" : mode, `invalid ${what} mode: "${mode}"`);
}

function decodeCredentials(spec: Reader | undefined): Privileges["credentialSpec"] {
  if (spec === undefined) return undefined;
  const given = (["Config", "File", "Registry"] as const).filter((name) => spec.text(name) !== "");
  if (given.length > 1) {
    const [one, other] = given.map((name) => `"${name.toLowerCase()}"`);
    throw new SwarmError(
      "InvalidArgument",
      `invalid CredentialSpec: cannot specify both ${one} and ${other} credential specs`,
    );
  }
  if (given.length === 0) {
    throw new SwarmError(
      "InvalidArgument",
      `invalid CredentialSpec: must either provide "file", "registry", or "config" for credential spec`,
    );
  }
  if (given[0] === "Config") {
    throw new SwarmError(
      "Unimplemented",
      "credential specs from configs are not built yet: use a file or registry one",
    );
  }
  return { config: "", file: spec.text("File"), registry: spec.text("Registry") };
}

function decodeHealth(health: Reader | undefined): HealthConfig | undefined {
  return (
    health && {
      test: health.texts("Test"),
      interval: health.duration("Interval"),
      timeout: health.duration("Timeout"),
      startPeriod: health.duration("StartPeriod"),
      startInterval: health.duration("StartInterval"),
      retries: health.smallInt("Retries"),
    }
  );
}

function decodeDns(dns: Reader | undefined): DnsConfig | undefined {
  return dns && { nameservers: dns.texts("Nameservers"), search: dns.texts("Search"), options: dns.texts("Options") };
}

function decodeUlimit(ulimit: Reader): Ulimit {
  return { name: ulimit.text("Name"), soft: ulimit.int("Soft"), hard: ulimit.int("Hard") };
}
