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

# build_run ROOT DIR LOG: builds what is not up to date. Says so only if there is something to do. Two instances may
# share the directory: one builds, the other waits.
build_run() {
    local root=$1 dir=$2 log=$3
    mkdir -p "$dir" || die "the build directory $dir cannot be made."
    if [[ -e $dir/build.ninja ]] && build_fresh "$dir"; then
        return 0
    fi
    step "Building into $dir (about 1 minute the first time)" "$log" build_locked "$root" "$dir"
}

# build_fresh DIR: true if ninja has nothing to do.
build_fresh() {
    ninja -C "$1" -n 2>/dev/null | tail -n 1 | grep -q 'no work to do'
}

# build_locked ROOT DIR: configures and builds, alone in the directory.
build_locked() {
    exec {lock}>"$2/.lock"
    flock "$lock"
    if [[ ! -e $2/build.ninja ]]; then
        cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo || return 1
    fi
    ninja -C "$2"
}
