// A node row → Docker's Node.

import type { Node, NodeDescription, TlsInfo } from "../../gen/skep/v1/objects.js";
import { NodeAvailability, NodeRole, type Resources } from "../../gen/skep/v1/specs.js";
import type { ManagerStatus } from "../../manager/control/index.js";
import { encodeBase64 } from "../decode/base64.js";
import { availabilityWords, nodeStateWords, roleWords, wordOf } from "../decode/enums.js";
import type {
  NodeDescription as DescriptionJson,
  EngineDescription as EngineJson,
  ManagerStatus as ManagerJson,
  Node as NodeJson,
  NodeStatus as StatusJson,
  TLSInfo,
} from "../types.js";
import { allOfMap, compact, nanoseconds, sortedMap, toJson } from "./json.js";
import { encodeMeta } from "./meta.js";
import { encodeGeneric, encodePlatform } from "./task-spec.js";

/** Ours: what a node says whose worker goes on while its manager cannot. */
const brokenManager = "the manager on this node is broken: ";

/** The JSON of a node without its closing brace, so that its part in the consensus can follow. */
export function nodeText(node: Node): string {
  const json: Omit<NodeJson, "ManagerStatus"> = {
    ID: node.id,
    ...encodeMeta(node.meta),
    Spec: {
      ...(node.spec?.annotations?.name ? { Name: node.spec.annotations.name } : {}),
      Labels: allOfMap(node.spec?.annotations?.labels),
      Role: wordOf(roleWords, node.spec?.desiredRole ?? NodeRole.WORKER),
      Availability: wordOf(availabilityWords, node.spec?.availability ?? NodeAvailability.ACTIVE),
      ...(node.spec?.drainTimeout && { DrainTimeout: nanoseconds(node.spec.drainTimeout) }),
    },
    Description: encodeDescription(node.description),
    Status: encodeStatus(node),
  };
  return toJson(json).slice(0, -1);
}

export function encodeManagerStatus({ leader, reachability, addr }: ManagerStatus): ManagerJson {
  return { ...(leader ? { Leader: true } : {}), Reachability: reachability, Addr: addr };
}

export function encodeTls(tls: TlsInfo | undefined): TLSInfo {
  if (tls === undefined) return {};
  return compact<TLSInfo>({
    TrustRoot: tls.trustRoot,
    CertIssuerSubject: encodeBase64(tls.certIssuerSubject),
    CertIssuerPublicKey: encodeBase64(tls.certIssuerPublicKey),
  });
}

function encodeDescription(description: NodeDescription | undefined): DescriptionJson {
  return {
    ...(description?.hostname ? { Hostname: description.hostname } : {}),
    Platform: description?.platform ? encodePlatform(description.platform) : {},
    Resources: description?.resources ? encodeResources(description.resources) : {},
    Engine: compact<EngineJson>({
      EngineVersion: description?.engine?.version,
      Labels: sortedMap(description?.engine?.labels),
      Plugins: description?.engine?.plugins.map(({ type, name }) => compact({ Type: type, Name: name })),
    }),
    TLSInfo: encodeTls(description?.tlsInfo),
  };
}

function encodeResources({ nanoCpus, memoryBytes, generic }: Resources): DescriptionJson["Resources"] {
  return compact({ NanoCPUs: nanoCpus, MemoryBytes: memoryBytes, GenericResources: generic.map(encodeGeneric) });
}

function encodeStatus({ status, description }: Node): StatusJson {
  const managerError = description?.managerError ? `${brokenManager}${description.managerError}` : "";
  const message = status?.message || managerError;
  return {
    State: wordOf(nodeStateWords, status?.state ?? 0),
    ...(message ? { Message: message } : {}),
    ...(status?.addr ? { Addr: status.addr } : {}),
  };
}
