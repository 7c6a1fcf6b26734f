// The cluster row → Docker's Swarm. Of its secrets only the join tokens are shown, and only where they are asked for.

import type { Cluster, RootCa } from "../../gen/skep/v1/objects.js";
import type { CaConfig, ClusterSpec, ExternalCa } from "../../gen/skep/v1/specs.js";
import {
  clusterName,
  defaultAddressPool,
  defaultDataPathPort,
  defaultHeartbeatPeriod,
  defaultSubnetSize,
} from "../../model/index.js";
import { encodeBase64 } from "../decode/base64.js";
import type { CAConfig, ClusterInfo, RaftConfig, Swarm, SwarmSpec } from "../types.js";
import { issuerOf } from "./certificate.js";
import { allOfMap, compact, nanoseconds, optionalNanoseconds, sortedMap } from "./json.js";
import { encodeMeta } from "./meta.js";
import { encodeLogDriver } from "./task-spec.js";

/** What `/info` shows. */
export function encodeClusterInfo(cluster: Cluster): ClusterInfo {
  const { defaultAddressPool: pool } = cluster;
  return {
    ID: cluster.id,
    ...encodeMeta(cluster.meta),
    Spec: encodeSpec(cluster.spec),
    TLSInfo: encodeRoot(cluster.rootCa),
    RootRotationInProgress: false,
    DefaultAddrPool: pool.length > 0 ? pool : defaultAddressPool,
    SubnetSize: cluster.subnetSize || defaultSubnetSize,
    DataPathPort: cluster.dataPathPort || defaultDataPathPort,
  };
}

/** What GET /swarm shows, tokens included. */
export function encodeSwarm(cluster: Cluster): Swarm {
  const tokens = cluster.rootCa?.joinTokens;
  return {
    ...encodeClusterInfo(cluster),
    JoinTokens: { Worker: tokens?.worker ?? "", Manager: tokens?.manager ?? "" },
  };
}

function encodeSpec(spec: ClusterSpec | undefined): SwarmSpec {
  const history = spec?.orchestration?.taskHistoryRetentionLimit;
  return {
    Name: spec?.annotations?.name ?? clusterName,
    Labels: allOfMap(spec?.annotations?.labels),
    Orchestration: history === undefined ? {} : { TaskHistoryRetentionLimit: history },
    Raft: encodeRaft(spec),
    Dispatcher: { HeartbeatPeriod: nanoseconds(spec?.dispatcher?.heartbeatPeriod ?? defaultHeartbeatPeriod) },
    CAConfig: encodeCa(spec?.ca),
    TaskDefaults: spec?.taskDefaults?.logDriver ? { LogDriver: encodeLogDriver(spec.taskDefaults.logDriver) } : {},
    EncryptionConfig: { AutoLockManagers: spec?.encryption?.autoLockManagers ?? false },
  };
}

function encodeRaft(spec: ClusterSpec | undefined): RaftConfig {
  const raft = spec?.raft;
  return {
    ...compact({ SnapshotInterval: raft?.snapshotInterval }),
    KeepOldSnapshots: raft?.keepOldSnapshots ?? 0,
    ...compact({ LogEntriesForSlowFollowers: raft?.logEntriesForSlowFollowers }),
    ElectionTick: raft?.electionTick ?? 0,
    HeartbeatTick: raft?.heartbeatTick ?? 0,
  };
}

/** The signing key is taken and never given back. */
function encodeCa(ca: CaConfig | undefined): CAConfig {
  return compact<CAConfig>({
    NodeCertExpiry: optionalNanoseconds(ca?.nodeCertExpiry),
    ExternalCAs: ca?.externalCas.map(encodeExternalCa),
    SigningCACert: ca?.signingCaCert,
    SigningCAKey: undefined,
    ForceRotate: ca?.forceRotate,
  });
}

function encodeExternalCa({
  protocol,
  url,
  options,
  caCert,
}: ExternalCa): NonNullable<CAConfig["ExternalCAs"]>[number] {
  return { Protocol: protocol, URL: url, ...compact({ Options: sortedMap(options) }), CACert: caCert };
}

function encodeRoot(root: RootCa | undefined): ClusterInfo["TLSInfo"] {
  if (root === undefined) return {};
  const issuer = issuerOf(root.certificate);
  return {
    TrustRoot: root.certificate,
    ...(issuer && {
      CertIssuerSubject: encodeBase64(issuer.subject),
      CertIssuerPublicKey: encodeBase64(issuer.publicKey),
    }),
  };
}
