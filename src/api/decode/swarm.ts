// Docker's swarm Spec → ours, and the bodies of init and join.

import { SwarmError } from "../../base/index.js";
import { type ClusterSpec, type ExternalCa, NodeAvailability } from "../../gen/skep/v1/specs.js";
import { clusterName, deepEqual, defaultHeartbeatPeriod } from "../../model/index.js";
import { availabilityWords, valueOf } from "./enums.js";
import type { Reader } from "./reader.js";
import { decodeLogDriver } from "./task.js";

/** How absent numbers are meant: at init as "the default", in an update as zero. */
export type Absence = "default" | "zero";

export function decodeSwarm(spec: Reader | undefined, absence: Absence): ClusterSpec {
  const orchestration = spec?.object("Orchestration");
  const raft = spec?.object("Raft");
  const ca = spec?.object("CAConfig");
  const zero = absence === "zero" ? 0 : undefined;
  const history = orchestration?.optionalInt("TaskHistoryRetentionLimit") ?? zero;
  const snapshotInterval = raft?.optionalCount("SnapshotInterval") ?? zero;
  const keepOldSnapshots = raft?.optionalCount("KeepOldSnapshots") ?? zero;
  const slowFollowers = raft?.optionalCount("LogEntriesForSlowFollowers") ?? zero;
  return {
    annotations: { name: spec?.text("Name") || clusterName, labels: spec?.textMap("Labels") ?? {} },
    orchestration: history === undefined ? {} : { taskHistoryRetentionLimit: history },
    raft: {
      ...(snapshotInterval === undefined ? {} : { snapshotInterval }),
      ...(keepOldSnapshots === undefined ? {} : { keepOldSnapshots }),
      ...(slowFollowers === undefined ? {} : { logEntriesForSlowFollowers: slowFollowers }),
      electionTick: raft?.smallCount("ElectionTick") ?? 0,
      heartbeatTick: raft?.smallCount("HeartbeatTick") ?? 0,
    },
    dispatcher: { heartbeatPeriod: decodeHeartbeat(spec?.object("Dispatcher")) },
    ca: {
      nodeCertExpiry: ca?.duration("NodeCertExpiry"),
      externalCas: ca?.objects("ExternalCAs").map(decodeExternalCa) ?? [],
      signingCaCert: ca?.text("SigningCACert") ?? "",
      signingCaKey: ca?.text("SigningCAKey") ?? "",
      forceRotate: ca?.count("ForceRotate") ?? 0,
    },
    taskDefaults: { logDriver: decodeLogDriver(spec?.object("TaskDefaults")?.object("LogDriver")) },
    encryption: { autoLockManagers: spec?.object("EncryptionConfig")?.flag("AutoLockManagers") ?? false },
  };
}

/** Docker's 5 s is what is shown while nobody set a period, and what clients then send back: not a wish. */
function decodeHeartbeat(dispatcher: Reader | undefined): ReturnType<Reader["duration"]> {
  const period = dispatcher?.duration("HeartbeatPeriod");
  return deepEqual(period, defaultHeartbeatPeriod) ? undefined : period;
}

function decodeExternalCa(ca: Reader): ExternalCa {
  const protocol = ca.text("Protocol").toLowerCase();
  if (protocol !== "cfssl") throw new SwarmError("InvalidArgument", `invalid protocol: "${ca.text("Protocol")}"`);
  return { protocol, url: ca.text("URL"), options: ca.textMap("Options"), caCert: ca.text("CACert") };
}

export function decodeAvailability(body: Reader): NodeAvailability {
  const word = body.text("Availability");
  if (word === "") return NodeAvailability.ACTIVE;
  return valueOf(availabilityWords, word, `invalid Availability: "${word}"`);
}
