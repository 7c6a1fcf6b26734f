// A task's privileges → the engine's security options.

import { SwarmError } from "../../base/index.js";
import {
  ApparmorMode,
  type CredentialSpec,
  type Privileges,
  SeccompMode,
  type SeccompOptions,
  type SelinuxContext,
} from "../../gen/skep/v1/specs.js";

/** `SecurityOpt` of a container, as `docker run --security-opt` takes them. */
export function securityOptions(privileges: Privileges | undefined): readonly string[] {
  if (!privileges) return [];
  return [
    ...credentialOptions(privileges.credentialSpec),
    ...selinuxOptions(privileges.selinuxContext),
    ...seccompOptions(privileges.seccomp),
    ...(privileges.apparmor?.mode === ApparmorMode.DISABLED ? ["apparmor=unconfined"] : []),
    ...(privileges.noNewPrivileges ? ["no-new-privileges=true"] : []),
  ];
}

function credentialOptions(spec: CredentialSpec | undefined): readonly string[] {
  if (spec?.file) return [`credentialspec=file://${spec.file}`];
  if (spec?.registry) return [`credentialspec=registry://${spec.registry}`];
  if (spec?.config) {
    throw new SwarmError(
      "Unimplemented",
      "credential specs from configs are not built yet; use file:// or registry://",
    );
  }
  return [];
}

function selinuxOptions(context: SelinuxContext | undefined): readonly string[] {
  if (!context) return [];
  if (context.disable) return ["label=disable"];
  const { user, role, type, level } = context;
  return Object.entries({ user, role, type, level })
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `label=${key}:${value}`);
}

function seccompOptions(seccomp: SeccompOptions | undefined): readonly string[] {
  if (!seccomp) return [];
  switch (seccomp.mode) {
    case SeccompMode.DEFAULT:
      return [];
    case SeccompMode.UNCONFINED:
      return ["seccomp=unconfined"];
    case SeccompMode.CUSTOM:
      return [`seccomp=${new TextDecoder().decode(seccomp.profile)}`];
    default:
      return seccomp.mode satisfies never;
  }
}
