#!/bin/sh
# Builds the mamba program, makes a sample corpus, trains the default model on it and lets it write.
# Everything lands below target/first-run; run it again to start over.
set -eu
cd "$(dirname "$0")/.."
mvn -B -ntp -q -Dquick -DskipTests package -pl examples/language-model -am
work=target/first-run
rm -rf "$work"
mkdir -p "$work"
unzip -q examples/language-model/target/mamba-*.zip -d "$work"
mamba=$(cd "$work"/mamba-* && pwd)/bin/mamba
cd "$work"
"$mamba" create-sample
"$mamba" train
"$mamba" generate --prompt "The "
