// `node inspect --pretty`
import type { GenericResource, Node } from "../../../api/types.js";
import { showBytes, showDuration } from "../../flags/quantities.js";
import { capital } from "../../words.js";
import { goTime } from "../typed.js";

export function prettyNode(node: Node): string {
  const lines = [
    `ID:\t\t\t${node.ID}`,
    ...(node.Spec.Name ? [`Name:\t\t\t${node.Spec.Name}`] : []),
    ...labelLines("Labels:", node.Spec.Labels),
    `Hostname:              \t${node.Description.Hostname ?? ""}`,
    `Joined at:             \t${goTime(node.CreatedAt).toLowerCase()}`,
    ...statusLines(node),
    ...managerLines(node),
    ...machineLines(node),
    ...pluginLines(node),
    `Engine Version:\t\t${node.Description.Engine.EngineVersion ?? ""}`,
    ...labelLines("Engine Labels:", node.Description.Engine.Labels ?? {}),
    ...tlsLines(node),
  ];
  return `${lines.join("\n")}\n`;
}

function labelLines(title: string, labels: Readonly<Record<string, string>>): string[] {
  const keys = Object.keys(labels).sort();
  return keys.length === 0 ? [] : [title, ...keys.map((key) => ` - ${key}${labels[key] ? `=${labels[key]}` : ""}`)];
}

function statusLines({ Status, Spec }: Node): string[] {
  return [
    "Status:",
    ` State:\t\t\t${capital(Status.State)}`,
    ...(Status.Message ? [` Message:\t\t${capital(Status.Message)}`] : []),
    ` Availability:         \t${capital(Spec.Availability)}`,
    ...(Spec.DrainTimeout === undefined ? [] : [` Drain Timeout:\t\t${showDuration(Spec.DrainTimeout)}`]),
    ...(Status.Addr ? [` Address:\t\t${Status.Addr}`] : []),
  ];
}

function managerLines({ ManagerStatus }: Node): string[] {
  if (ManagerStatus === undefined) return [];
  return [
    "Manager Status:",
    ` Address:\t\t${ManagerStatus.Addr}`,
    ` Raft Status:\t\t${capital(ManagerStatus.Reachability)}`,
    ` Leader:\t\t${ManagerStatus.Leader === true ? "Yes" : "No"}`,
  ];
}

function machineLines({ Description: { Platform, Resources } }: Node): string[] {
  const generic = Resources.GenericResources ?? [];
  return [
    "Platform:",
    ` Operating System:\t${Platform.OS ?? ""}`,
    ` Architecture:\t\t${Platform.Architecture ?? ""}`,
    "Resources:",
    ` CPUs:\t\t\t${Math.trunc((Resources.NanoCPUs ?? 0) / 1e9)}`,
    ` Memory:\t\t${showBytes(Resources.MemoryBytes ?? 0)}`,
    ...(generic.length === 0 ? [] : ["Generic Resources:", ...generic.map(genericLine)]),
  ];
}

function genericLine({ DiscreteResourceSpec, NamedResourceSpec }: GenericResource): string {
  const spec = DiscreteResourceSpec ?? NamedResourceSpec;
  return ` - ${spec?.Kind ?? ""}=${spec?.Value ?? ""}`;
}

function pluginLines({ Description: { Engine } }: Node): string[] {
  const types = [...new Set((Engine.Plugins ?? []).map(({ Type }) => Type ?? ""))].sort();
  if (types.length === 0) return [];
  const names = (type: string): string =>
    (Engine.Plugins ?? [])
      .filter(({ Type }) => Type === type)
      .map(({ Name }) => Name)
      .join(", ");
  return ["Plugins:", ...types.map((type) => ` ${type}:\t\t${names(type)}`)];
}

function tlsLines({ Description: { TLSInfo } }: Node): string[] {
  if (!TLSInfo.TrustRoot) return [];
  return [
    "TLS Info:",
    ` TrustRoot:\n${TLSInfo.TrustRoot}`,
    ` Issuer Subject:\t${TLSInfo.CertIssuerSubject ?? ""}`,
    ` Issuer Public Key:\t${TLSInfo.CertIssuerPublicKey ?? ""}`,
  ];
}
