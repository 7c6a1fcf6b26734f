// Docker's NodeSpec → ours. Both words must be given: an update replaces the whole spec.

import { SwarmError } from "../../base/index.js";
import type { NodeSpec } from "../../gen/skep/v1/specs.js";
import { availabilityWords, roleWords, valueOf } from "./enums.js";
import type { Reader } from "./reader.js";

export function decodeNode(body: Reader): NodeSpec {
  const role = body.text("Role");
  const availability = body.text("Availability");
  const drainTimeout = body.optionalDuration("DrainTimeout");
  if (drainTimeout !== undefined && (drainTimeout.seconds < 0 || drainTimeout.nanos < 0)) {
    throw new SwarmError("InvalidArgument", "DrainTimeout: cannot be negative");
  }
  return {
    annotations: { name: body.text("Name"), labels: body.textMap("Labels") },
    desiredRole: valueOf(roleWords, role, `invalid Role: "${role}"`),
    availability: valueOf(availabilityWords, availability, `invalid Availability: "${availability}"`),
    ...(drainTimeout && { drainTimeout }),
  };
}
