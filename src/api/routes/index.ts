// Every route of ours.

import type { RouteSpec } from "../call.js";
import { backupRoutes } from "./backup.js";
import { historyRoutes } from "./history.js";
import { insightRoutes } from "./insight.js";
import { logRoutes } from "./logs.js";
import { networkRoutes } from "./networks.js";
import { nodeRoutes } from "./nodes.js";
import { unbuiltRoutes } from "./not-yet.js";
import { serviceRoutes } from "./services.js";
import { swarmRoutes } from "./swarm.js";
import { systemRoutes } from "./system.js";
import { taskRoutes } from "./tasks.js";

export const routes: readonly RouteSpec[] = [
  ...systemRoutes,
  ...swarmRoutes,
  ...nodeRoutes,
  ...serviceRoutes,
  ...historyRoutes,
  ...taskRoutes,
  ...logRoutes,
  ...networkRoutes,
  ...insightRoutes,
  ...backupRoutes,
  ...unbuiltRoutes,
];
