# shellcheck shell=bash
# build.sh -- the binaries, from the source tree. Needs say.sh.

# build_directory ROOT: where to build: SFMS_BUILD, or build/ in the source tree, or in SFMS_HOME if the tree cannot
# be written.
build_directory() {
    if [[ -n ${SFMS_BUILD:-} ]]; then
        realpath -m -- "$SFMS_BUILD"
    elif [[ -w $1 && (! -e $1/build || -O $1/build) ]]; then
        printf '%s/build' "$1"
    else
        printf '%s/build' "$SFMS_HOME"
    fi
}

# build_run ROOT DIR LOG: builds what is not up to date.
build_run() {
    mkdir -p "$2" || die "the build directory $2 cannot be made."
    step "Building into $2 (about 1 minute the first time)" "$3" build_locked "$1" "$2"
}

# build_locked ROOT DIR: configures and builds, alone in the directory: two instances may share it.
build_locked() {
    exec {lock}>"$2/.lock"
    flock "$lock"
    if [[ ! -e $2/build.ninja ]]; then
        cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo || return 1
    fi
    ninja -C "$2"
}
