// What every object of the cluster shows first.

import type { Meta } from "../../gen/skep/v1/objects.js";
import type { Meta as MetaJson } from "../types.js";
import { timeText } from "./json.js";

export function encodeMeta(meta: Meta | undefined): MetaJson {
  return {
    Version: { Index: meta?.version ?? 0 },
    CreatedAt: timeText(meta?.createdAt),
    UpdatedAt: timeText(meta?.updatedAt),
  };
}
