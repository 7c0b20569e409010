#!/bin/sh
# Puts the benchmarks and a small Java run time into one folder that runs on a machine without a
# JDK: mamba-bench/target/bundle, and the same as mamba-bench/target/bundle.tar.gz.
#
#   mvn -DskipTests package && mamba-bench/bundle.sh [--language-model]
#   mvn -Ppeers -DskipTests package && mamba-bench/bundle.sh --peers [--language-model]
#
#   --language-model  adds the jars of the `mamba` command
#   --peers           adds the libraries to compare with that are small: llama.cpp, OpenBLAS, oneDNN
#                     (not libtorch, MKL and DJL, some 400 MB)
#   JAVA_HOME         the JDK 25 to take the run time from; otherwise one below /usr/lib/jvm
#
# The run time is for the operating system and processor of the JDK it is made from.
set -eu

fail() {
  echo "bundle.sh: $1" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd -P)
target=$here/target
bundle=$target/bundle
language_model=no
peers=no
for argument in "$@"; do
  case $argument in
    --language-model) language_model=yes ;;
    --peers) peers=yes ;;
    *) fail "unknown argument $argument, expected --language-model, --peers or nothing" ;;
  esac
done

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
jar=$target/benchmarks.jar
build="mvn -DskipTests package"
if [ "$peers" = yes ]; then
  jar=$target/peers.jar
  build="mvn -Ppeers -DskipTests package"
fi
[ -f "$jar" ] || fail "no $jar; run $build"
if [ "$peers" = yes ]; then
  [ -d "$target/peers-lib" ] || fail "no $target/peers-lib; run $build"
fi

rm -rf "$bundle" "$target/bundle.tar.gz"
mkdir -p "$bundle/lib"
if [ "$peers" = yes ]; then
  cp "$jar" "$bundle/peers.jar"
  mkdir -p "$bundle/peers-lib"
  for library in "$target"/peers-lib/*.jar; do
    case $(basename "$library") in
      pytorch-*linux* | mkl-*linux* | pytorch-native-* | pytorch-jni-*) ;;
      *) cp "$library" "$bundle/peers-lib/" ;;
    esac
  done
else
  cp "$jar" "$bundle/benchmarks.jar"
fi
if [ "$language_model" = yes ]; then
  zip=$(ls "$here"/../examples/language-model/target/mamba-*.zip 2>/dev/null | head -n 1)
  [ -n "$zip" ] || fail "no distribution of the language model; run mvn -DskipTests package"
  (cd "$bundle/lib" && "$jdk/bin/jar" --extract --file "$zip" && mv mamba-*/lib/*.jar . &&
    rm -rf mamba-*/)
fi

# llama.cpp and oneDNN need these of the system; run.sh takes them from here where the system lacks one.
if [ "$peers" = yes ]; then
  mkdir -p "$bundle/native"
  for name in libgomp.so.1 libstdc++.so.6 libgcc_s.so.1; do
    library=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | sed -n "s|.*$name .*x86-64.* => ||p" |
      head -n 1)
    [ -n "$library" ] || fail "this system has no $name, which the peers need; install it"
    cp -L "$library" "$bundle/native/"
  done
fi

# What the code names, and what JMH reaches by reflection or as a service. A class of Commons Math
# that nothing here calls names java.desktop; only the language model's curves need it.
if [ "$peers" = yes ]; then
  # jdeps would resolve the libraries' own module descriptors, which the class path ignores.
  named=java.logging,java.management,jdk.unsupported,
else
  named=$("$jdk/bin/jdeps" --multi-release 25 --ignore-missing-deps --print-module-deps \
    "$bundle/benchmarks.jar" | tr ',' '\n' | grep -v '^java.desktop$' | tr '\n' ',')
  [ -n "$named" ] || fail "jdeps cannot read $bundle/benchmarks.jar"
fi
modules=${named}jdk.incubator.vector,jdk.management
[ "$language_model" = no ] || modules=$modules,java.desktop,java.sql
"$jdk/bin/jlink" --output "$bundle/runtime" --strip-debug --no-header-files --no-man-pages \
  --compress zip-6 \
  --add-modules "$modules"

cat > "$bundle/run.sh" <<'RUN'
#!/bin/sh
# Runs JMH with the bundled run time: run.sh [JMH's arguments]
#   run.sh report DATE results.json...   prints the table of results
#   run.sh mamba ...                     the language model's command, where it is bundled
#   run.sh peers ...                     the comparison with other libraries, where they are bundled
#   run.sh guard ...                     the comparison of two builds
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
java=$here/runtime/bin/java
jar=$here/benchmarks.jar
[ -f "$jar" ] || jar=$here/peers.jar
case ${1:-} in
  report)
    shift
    exec "$java" -cp "$jar" io.github.mamba4j.bench.Report "$@"
    ;;
  guard)
    shift
    exec "$java" -cp "$jar" io.github.mamba4j.bench.peers.Guard "$@"
    ;;
  mamba)
    shift
    exec "$java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
      -cp "$here/lib/*" io.github.mamba4j.examples.lm.MambaCli "$@"
    ;;
  peers)
    shift
    [ -d "$here/native" ] || {
      echo "run.sh: no other library is bundled; make the bundle with --peers" >&2
      exit 1
    }
    for library in "$here"/native/*; do
      found=no
      for folder in /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64; do
        [ ! -e "$folder/$(basename "$library")" ] || found=yes
      done
      [ "$found" = yes ] || export LD_LIBRARY_PATH="$here/native"
    done
    exec "$java" -jar "$here/peers.jar" "$@"
    ;;
  *)
    exec "$java" -cp "$jar" org.openjdk.jmh.Main "$@"
    ;;
esac
RUN
chmod 755 "$bundle/run.sh"
tar -C "$target" -czf "$target/bundle.tar.gz" bundle
echo "$bundle: $(du -sk "$bundle" | cut -f 1) KiB, packed $(du -k "$target/bundle.tar.gz" | cut -f 1) KiB"
