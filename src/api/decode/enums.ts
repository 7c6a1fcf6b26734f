// Docker's words for our enums, and back. One table per enum serves both directions.

import { SwarmError } from "../../base/index.js";
import { NodeState, UpdateState } from "../../gen/skep/v1/objects.js";
import {
  ApparmorMode,
  EndpointMode,
  MountType,
  NodeAvailability,
  NodeRole,
  PortProtocol,
  PublishMode,
  RestartCondition,
  SeccompMode,
  UpdateFailureAction,
  UpdateOrder,
} from "../../gen/skep/v1/specs.js";

export type Words<Word extends string, Value extends number> = Readonly<Record<Word, Value>>;

export const roleWords = { worker: NodeRole.WORKER, manager: NodeRole.MANAGER } as const;
export const availabilityWords = {
  active: NodeAvailability.ACTIVE,
  pause: NodeAvailability.PAUSE,
  drain: NodeAvailability.DRAIN,
} as const;
export const nodeStateWords = {
  unknown: NodeState.UNKNOWN,
  down: NodeState.DOWN,
  ready: NodeState.READY,
  disconnected: NodeState.DISCONNECTED,
} as const;
export const conditionWords = {
  none: RestartCondition.NONE,
  "on-failure": RestartCondition.ON_FAILURE,
  any: RestartCondition.ANY,
} as const;
export const failureActionWords = {
  pause: UpdateFailureAction.PAUSE,
  continue: UpdateFailureAction.CONTINUE,
  rollback: UpdateFailureAction.ROLLBACK,
} as const;
export const orderWords = {
  "stop-first": UpdateOrder.STOP_FIRST,
  "start-first": UpdateOrder.START_FIRST,
} as const;
export const updateStateWords = {
  updating: UpdateState.UPDATING,
  paused: UpdateState.PAUSED,
  completed: UpdateState.COMPLETED,
  rollback_started: UpdateState.ROLLBACK_STARTED,
  rollback_paused: UpdateState.ROLLBACK_PAUSED,
  rollback_completed: UpdateState.ROLLBACK_COMPLETED,
} as const;
export const endpointModeWords = { vip: EndpointMode.VIP, dnsrr: EndpointMode.DNSRR } as const;
export const protocolWords = { tcp: PortProtocol.TCP, udp: PortProtocol.UDP, sctp: PortProtocol.SCTP } as const;
export const publishModeWords = { ingress: PublishMode.INGRESS, host: PublishMode.HOST } as const;
export const mountTypeWords = {
  bind: MountType.BIND,
  volume: MountType.VOLUME,
  tmpfs: MountType.TMPFS,
  npipe: MountType.NPIPE,
  cluster: MountType.CLUSTER,
  image: MountType.IMAGE,
} as const;
export const seccompWords = {
  default: SeccompMode.DEFAULT,
  unconfined: SeccompMode.UNCONFINED,
  custom: SeccompMode.CUSTOM,
} as const;
export const apparmorWords = { default: ApparmorMode.DEFAULT, disabled: ApparmorMode.DISABLED } as const;

/** The value of a word; `refusal` is Docker's text for one it does not know. */
export function valueOf<Value extends number>(
  words: Readonly<Record<string, Value>>,
  word: string,
  refusal: string,
): Value {
  const value = Object.hasOwn(words, word) ? words[word] : undefined;
  if (value === undefined) throw new SwarmError("InvalidArgument", refusal);
  return value;
}

/** The word of a value. */
export function wordOf<Word extends string>(words: Readonly<Record<Word, number>>, value: number): Word {
  for (const word of Object.keys(words) as Word[]) if (words[word] === value) return word;
  return Object.keys(words)[0] as Word;
}
