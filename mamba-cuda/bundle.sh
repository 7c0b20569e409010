#!/bin/sh
# Puts a small Java run time, the jars, the GPU's tests and the mamba command into one folder that
# runs on a machine with nothing but NVIDIA's driver: mamba-cuda/target/bundle, and the same as bundle.tar.gz there.
#
#   mvn -DskipTests package && mamba-cuda/bundle.sh
#
#   JAVA_HOME  the JDK 25 to take the run time from; otherwise one below /usr/lib/jvm
set -eu

fail() {
  echo "bundle.sh: $1" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd -P)
root=$(dirname "$here")
bundle=$here/target/bundle

java_version() {
  sed -n 's/^JAVA_VERSION="\{0,1\}\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null
}

jdk=
for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
  if [ -x "$candidate/bin/jlink" ] && [ "$(java_version "$candidate")" = 25 ]; then
    jdk=$candidate
    break
  fi
done
[ -n "$jdk" ] || fail "found no JDK 25; set JAVA_HOME to one"
[ -d "$here/target/classes" ] || fail "mamba-cuda is not built; run mvn -DskipTests package"

rm -rf "$bundle" "$here/target/bundle.tar.gz"
mkdir -p "$bundle/lib" "$bundle/tests"
modules="mamba-core mamba-data mamba-cuda mamba-bench examples/language-model"
(cd "$root" && mvn -q -o -Dquick test-compile dependency:build-classpath \
  -pl "$(echo $modules | tr ' ' ',')" -Dmdep.outputFile=target/classpath -Dmdep.includeScope=test) ||
  fail "Maven cannot resolve the tests' dependencies; run mvn -DskipTests package once online"
for module in $modules; do
  tr ':' '\n' < "$root/$module/target/classpath" | grep '\.jar$' | grep -v '/mamba-' |
    while read -r jar; do
      cp "$jar" "$bundle/lib/"
    done
  "$jdk/bin/jar" --create --file "$bundle/lib/$(basename "$module").jar" \
    -C "$root/$module/target/classes" .
done
# The natives of other systems are not needed.
rm -f "$bundle"/lib/*-windows-*.jar "$bundle"/lib/*-apple-*.jar
for module in mamba-core mamba-cuda; do
  cp -R "$root/$module/target/test-classes" "$bundle/tests/$module" # as files, which some tests copy
done

jdk_modules=java.base,java.compiler,java.desktop,java.instrument,java.logging,java.management
jdk_modules=$jdk_modules,java.sql,java.xml,jdk.incubator.vector,jdk.management,jdk.unsupported,jdk.zipfs
"$jdk/bin/jlink" --output "$bundle/runtime" --strip-debug --no-header-files --no-man-pages \
  --compress zip-0 --add-modules "$jdk_modules"

cat > "$bundle/run.sh" <<'RUN'
#!/bin/sh
# Runs the GPU's tests with the bundled run time.
#   run.sh kernels [ARG...]  the contracts of every kernel family on the GPU
#   run.sh models [ARG...]   the tests of operations and models of mamba-core on the GPU
#   run.sh figures [REGEX]   the speed of training, prompts and generation on the GPU
#   run.sh mamba ARG...      the language model's command
#   run.sh java ARG...       the run time itself, with everything on the class path
# Further arguments of the first two go to JUnit's console launcher, such as --include-classname '.*Norm.*'.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
java() {
  exec "$here/runtime/bin/java" -Xmx8g --add-modules jdk.incubator.vector \
    --enable-native-access=ALL-UNNAMED -cp "$here/lib/*:$here/tests/mamba-core:$here/tests/mamba-cuda" "$@"
}
junit=org.junit.platform.console.ConsoleLauncher
case ${1:-} in
  kernels)
    shift
    java "$junit" execute --disable-banner --details tree --disable-ansi-colors --include-tag gpu \
      --scan-classpath "$here/tests/mamba-cuda" "$@"
    ;;
  models)
    shift
    java -Dmamba.test.device=cuda "$junit" execute --disable-banner --details tree \
      --disable-ansi-colors --include-tag kernels --exclude-package io.github.mamba4j.internal.cpu \
      --scan-classpath "$here/tests/mamba-core" "$@"
    ;;
  figures)
    shift
    java io.github.mamba4j.bench.GpuFigures "$@"
    ;;
  mamba)
    shift
    java io.github.mamba4j.examples.lm.MambaCli "$@"
    ;;
  java)
    shift
    java "$@"
    ;;
  *)
    sed -n '2,9p' "$0"
    exit 2
    ;;
esac
RUN
chmod 755 "$bundle/run.sh"
tar -C "$here/target" -czf "$here/target/bundle.tar.gz" bundle
echo "$bundle: $(du -sk "$bundle" | cut -f 1) KiB, packed $(du -k "$here/target/bundle.tar.gz" | cut -f 1) KiB"
