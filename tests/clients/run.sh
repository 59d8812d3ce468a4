#!/usr/bin/env bash
# tests/clients/run.sh -- clients that other people's generators make of the OpenAPI document and of the protos: made, compiled
# strictly, and run against a system of their own.
#
#   tests/clients/run.sh                 all of them
#   tests/clients/run.sh ogen java       only these
#
# Each signs in, reads pages, creates, changes with If-Match, is refused, asks for some fields, and imports a file. What it takes
# (go; java and mvn; node and npm; python3 with venv; protoc) is not installed here, and generators come from their registries: what is
# missing or out of reach is skipped, and says so. Nothing of it is needed to build, to run, or for tests/run.sh. All is kept in
# build-clients/, so that a second run downloads nothing. SFMS_BUILD is a build to use instead of build-fast/.
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
ROOT=$PWD
WORK=$ROOT/build-clients
ALL=(protos openapi-typescript typescript-fetch ogen oapi-codegen go python java)
# shellcheck source=deploy/lib/say.sh
. deploy/lib/say.sh

GENERATOR=7.17.0
OGEN=v1.24.0
OAPI_CODEGEN=v2.5.0
PROTOC_GEN_GO=v1.36.10
export GOBIN=$WORK/tools GOFLAGS=-p=2 PATH=$WORK/tools:$PATH

passed=0
failed=0
skipped=0
why=

# needs COMMAND...: false, and why, if one is not there.
needs() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || { why="there is no $command" && return 1; }
    done
}

# fetched WHAT COMMAND...: runs what downloads; false, and why, if it fails.
fetched() {
    local what=$1
    shift
    "$@" >>"$log" 2>&1 || { why="$what is out of reach" && return 1; }
}

# go_tool MODULE VERSION: a program of a Go module.
go_tool() {
    needs go || return 1
    [[ -x $WORK/tools/${1##*/} ]] || fetched "the Go module proxy" go install "$1@$2"
}

openapi_generator() {
    needs java mvn || return 1
    [[ -s $WORK/tools/openapi-generator-cli-$GENERATOR.jar ]] ||
        fetched "Maven Central" mvn -q -B dependency:copy "-Dartifact=org.openapitools:openapi-generator-cli:$GENERATOR" "-DoutputDirectory=$WORK/tools"
}

# generate LANGUAGE FOLDER PROPERTIES: by openapi-generator.
generate() {
    java -jar "$WORK/tools/openapi-generator-cli-$GENERATOR.jar" generate -i "$WORK/openapi.json" -g "$1" -o "$2" \
        --additional-properties="$3" >>"$log" 2>&1 && ! grep -E "^\[main\] ERROR" "$log"
}

# go_module: what the packages of a Go client need.
go_module() {
    printf 'module sfms-client\n\ngo 1.24\n' >go.mod
    fetched "the Go module proxy" go mod tidy
}

node_modules() {
    needs node npm || return 1
    printf '{"type": "module"}\n' >package.json
    fetched "the npm registry" npm install --no-audit --no-fund "$@"
}

# ---- one function for what each needs, one that makes, compiles and runs it ------------------------------------------

ready_protos() {
    needs protoc && go_tool google.golang.org/protobuf/cmd/protoc-gen-go $PROTOC_GEN_GO
}
make_protos() {
    local google=/usr/share/gocode/src/github.com/gogo/googleapis api=google.golang.org/genproto/googleapis/api/annotations files
    mapfile -t files < <(find "$ROOT/proto" -name '*.proto')
    mkdir -p go java python
    (cd go && printf 'module sfms\n\ngo 1.24\n' >go.mod)
    protoc -I "$ROOT/proto" -I $google --go_out=go --go_opt=module=sfms --go_opt=Mgoogle/api/annotations.proto=$api \
        --go_opt=Mgoogle/api/http.proto=$api --java_out=java --python_out=python "${files[@]}" || return 1
    (cd go && fetched "the Go module proxy" go mod tidy && go vet ./...) && [[ -s java/sfms/pipeline/v1/Deal.java ]] &&
        python3 -m compileall -q python && say "   Go is compiled, Java and Python are made"
}

ready_openapi_typescript() {
    node_modules openapi-typescript@7 openapi-fetch@0.14 typescript@5.9 @types/node@20
}
make_openapi_typescript() {
    npx openapi-typescript "$WORK/openapi.json" -o api.ts >>"$log" 2>&1 &&
        npx tsc --strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --module nodenext --moduleResolution nodenext \
            --target es2022 --outDir out main.ts && node out/main.js
}

ready_typescript_fetch() {
    openapi_generator && node_modules typescript@5.9 @types/node@20
}
make_typescript_fetch() {
    generate typescript-fetch client importFileExtension=.js &&
        npx tsc --strict --module nodenext --moduleResolution nodenext --target es2022 --lib es2022,dom,dom.iterable --outDir out main.ts &&
        node out/main.js
}

ready_ogen() {
    go_tool github.com/ogen-go/ogen/cmd/ogen $OGEN
}
make_ogen() {
    ogen --target client --package client --clean "$WORK/openapi.json" >>"$log" 2>&1 && go_module && go vet ./... && go run .
}

ready_oapi_codegen() {
    go_tool github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen $OAPI_CODEGEN
}
# It knows OpenAPI 3.0 only. Without nullable-type it sends null for every member that is not set, which clears it.
make_oapi_codegen() {
    mkdir -p client
    cat >config.yaml <<'YAML'
package: client
output: client/client.gen.go
generate: {models: true, client: true}
output-options: {response-type-suffix: Reply, nullable-type: true}
YAML
    oapi-codegen -config config.yaml "$WORK/openapi-3.0.json" && go_module && go vet ./... && go run .
}

ready_go() {
    needs go && openapi_generator
}
make_go() {
    generate go client packageName=client,withGoMod=false,enumClassPrefix=true && rm -rf client/test && go_module && go vet ./... && go run .
}

ready_python() {
    needs python3 && openapi_generator || return 1
    [[ -x venv/bin/python ]] || python3 -m venv venv >>"$log" 2>&1 || { why="python3 has no venv" && return 1; }
    fetched "PyPI" venv/bin/pip -q install 'urllib3>=2' 'python-dateutil>=2.8' 'pydantic>=2' 'typing-extensions>=4.7'
}
make_python() {
    generate python client packageName=sfms_client && PYTHONPATH=client venv/bin/python -W error main.py
}

ready_java() {
    openapi_generator
}
make_java() {
    generate java . invokerPackage=sfms.client,apiPackage=sfms.client.api,modelPackage=sfms.client.model,artifactId=sfms-client &&
        rm -rf src/test && mv Main.java src/main/java/sfms/ && fetched "Maven Central" mvn -q -B -DskipTests dependency:go-offline &&
        mvn -q -B -DskipTests compile exec:java -Dexec.mainClass=sfms.Main
}

# ---- all of them -----------------------------------------------------------------------------------------------------

try() {
    local name=$1 function=${1//-/_}
    log=$WORK/$name.log
    : >"$log"
    mkdir -p "$WORK/$name"
    cd "$WORK/$name" || exit 1
    find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name venv -exec rm -rf {} +
    [[ ! -d $ROOT/tests/clients/$name ]] || cp "$ROOT/tests/clients/$name"/* .
    say "$name"
    if ! "ready_$function"; then
        say "SKIPPED $name: $why"
        skipped=$((skipped + 1))
        return
    fi
    why=
    if "make_$function" </dev/null; then
        passed=$((passed + 1))
    elif [[ -n $why ]]; then
        say "SKIPPED $name: $why"
        skipped=$((skipped + 1))
    else
        tail -n 20 "$log"
        say "FAILED $name"
        failed=$((failed + 1))
    fi
}

if [[ -z ${SFMS_BASE:-} ]]; then # outside: build, start a system, and come again beside it
    case ${1:-} in -h | --help) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;; esac
    mkdir -p "$WORK/tools"
    if [[ -z ${SFMS_BUILD:-} ]]; then
        export SFMS_BUILD=$ROOT/build-fast
        say "Building in build-fast/ …"
        if ! { cmake -S . -B "$SFMS_BUILD" -G Ninja -DSFMS_TESTS=ON && ninja -C "$SFMS_BUILD"; } >"$WORK/build.log" 2>&1; then
            tail -n 20 "$WORK/build.log"
            die "it does not build."
        fi
    fi
    PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/clients/stack.py "$WORK" "$ROOT/tests/clients/run.sh" "$@"
fi

for name in "${@:-${ALL[@]}}"; do
    [[ " ${ALL[*]} " == *" $name "* ]] || die "there is no client $name; there are ${ALL[*]}."
    try "$name"
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
