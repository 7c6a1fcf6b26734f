// The flags that say how a cluster is to be, and the spec they make of what is.
import type { ExternalCA, SwarmSpec } from "../../../api/types.js";
import { CliError } from "../../errors.js";
import { int, uint } from "../../flags/basic.js";
import type { FlagValues } from "../../flags/flag.js";
import { duration } from "../../flags/quantities.js";
import { type ExternalCaFlag, externalCas } from "../../flags/swarm.js";
import type { World } from "../../world.js";
import { goFileError } from "../service/env.js";

export const specFlags = {
  "cert-expiry": duration("Validity period for node certificates (ns|us|ms|s|m|h)", { shown: "2160h0m0s" }),
  "dispatcher-heartbeat": duration("Dispatcher heartbeat period (ns|us|ms|s|m|h)", { shown: "5s" }),
  "external-ca": externalCas(),
  "max-snapshots": uint("Number of additional Raft snapshots to retain"),
  "snapshot-interval": uint("Number of log entries between Raft snapshots", { shown: "10000" }),
  "task-history-limit": int("Task history retention limit", { shown: "5" }),
};

export type SpecValues = FlagValues<typeof specFlags> & { readonly autolock?: boolean };

/** What a cluster begins with: the daemon fills in what is left open. */
export const emptySpec: SwarmSpec = {
  Labels: null,
  Orchestration: {},
  Raft: { ElectionTick: 0, HeartbeatTick: 0 },
  Dispatcher: {},
  CAConfig: {},
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: false },
};

/** `fallbackCert` is the root an external CA without one of its own is taken to sign with. */
export async function editedSpec(
  spec: SwarmSpec,
  flags: SpecValues,
  world: World,
  fallbackCert = "",
): Promise<SwarmSpec> {
  const { "snapshot-interval": interval, "max-snapshots": kept, "external-ca": cas } = flags;
  const { SnapshotInterval, KeepOldSnapshots, ...raft } = spec.Raft;
  const snapshotInterval = interval ?? SnapshotInterval;
  const keepOldSnapshots = kept ?? KeepOldSnapshots;
  const external = cas === undefined ? spec.CAConfig.ExternalCAs : await readExternalCas(cas, world, fallbackCert);
  const { NodeCertExpiry, ExternalCAs: _, ...ca } = spec.CAConfig;
  const expiry = flags["cert-expiry"] ?? NodeCertExpiry;
  const heartbeat = flags["dispatcher-heartbeat"] ?? spec.Dispatcher.HeartbeatPeriod;
  const history = flags["task-history-limit"] ?? spec.Orchestration.TaskHistoryRetentionLimit;
  return {
    ...spec,
    Orchestration: history === undefined || history === null ? {} : { TaskHistoryRetentionLimit: history },
    Raft: {
      ...(snapshotInterval === undefined ? {} : { SnapshotInterval: snapshotInterval }),
      ...(keepOldSnapshots === undefined || keepOldSnapshots === null ? {} : { KeepOldSnapshots: keepOldSnapshots }),
      ...raft,
    },
    Dispatcher: heartbeat === undefined ? {} : { HeartbeatPeriod: heartbeat },
    CAConfig: {
      ...(expiry === undefined ? {} : { NodeCertExpiry: expiry }),
      ...(external && external.length > 0 ? { ExternalCAs: external } : {}),
      ...ca,
    },
    EncryptionConfig: { AutoLockManagers: flags.autolock ?? spec.EncryptionConfig.AutoLockManagers },
  };
}

async function readExternalCas(
  flags: readonly ExternalCaFlag[],
  world: World,
  fallbackCert: string,
): Promise<ExternalCA[]> {
  const cas: ExternalCA[] = [];
  for (const { protocol, url, options, certFile } of flags) {
    const CACert = certFile === undefined ? fallbackCert : await readCert(certFile, world);
    const extra = Object.keys(options).length === 0 ? {} : { Options: { ...options } };
    cas.push({ Protocol: protocol, URL: url, ...extra, CACert });
  }
  return cas;
}

async function readCert(file: string, world: World): Promise<string> {
  return world.readFile(file).catch((error: unknown) => {
    throw new CliError(`unable to read CA cert for external CA: ${goFileError(file, error)}`, 125);
  });
}
