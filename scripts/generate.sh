#!/usr/bin/env bash
# Regenerates src/gen from proto/. With --check: fails when what is committed differs from what proto/ says.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
buf lint
buf generate
# ts-proto imports grpc-js's types as values; verbatimModuleSyntax wants them marked.
find src/gen -name '*_service.ts' -exec sed -i -E \
  -e 's/^  (handleBidiStreamingCall|handleServerStreamingCall|handleClientStreamingCall|handleUnaryCall|UntypedServiceImplementation|CallOptions|ClientOptions|ClientUnaryCall|ClientDuplexStream|ClientReadableStream|ClientWritableStream|ChannelCredentials|ServiceError|Metadata),/  type \1,/' \
  -e 's/^import \{ (.*) \} from "\.\/(.*)\.js";/import { \1 } from ".\/\2.js";/' {} +
if [ "${1:-}" = --check ]; then
  if [ -n "$(git status --porcelain -- src/gen)" ]; then
    git status --short -- src/gen >&2
    echo "src/gen differs from proto/: run 'npm run generate' and commit the result" >&2
    exit 1
  fi
fi
