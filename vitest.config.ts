import { defineConfig } from "vitest/config";

/** Nothing here waits for real time: what takes longer than this hangs, however slow and busy the machine. */
const testTimeout = 30_000;

const project = (name: string, include: string[], options: Record<string, unknown> = {}) => ({
  test: { name, include, testTimeout, ...options },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/{base,model,raft,engine,store,scheduler,manager,worker,rpc,api,daemon,cli}/**/*.test.ts"]),
      project("scenarios", ["test/scenarios/**/*.test.ts"]),
      project("parity", ["test/parity/**/*.test.ts"]),
      project("architecture", ["test/architecture/**/*.test.ts"]),
      project("sim", ["test/sim/**/*.test.ts"]),
      project("e2e", ["test/e2e/**/*.test.ts"], {
        fileParallelism: false,
        globalSetup: ["test/e2e/support/global-setup.ts"],
        testTimeout: 180_000,
        hookTimeout: 180_000,
      }),
    ],
  },
});
