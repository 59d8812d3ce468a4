# shellcheck shell=bash
# demo.sh -- the demo organisation: made once, by sfmsctl and demo.sql. Needs say.sh and home.sh.

DEMO_ADMIN=admin@demo.example

# demo_password: prints the password that all who may log in share; letters and digits, so that it pastes well.
demo_password() {
    "$SFMS_BIN/sfmsctl" keygen secret | tr -dc 'A-HJ-NP-Za-km-z2-9' | head -c 16
}

# demo_state: prints "none", "empty" (the organisation is there, its data are not) or "full".
demo_state() {
    psql -XAtq -d "$SFMS_DATABASE_URL" -c "
        SELECT CASE WHEN NOT EXISTS (SELECT FROM identity.orgs WHERE name = 'Demo 演示公司') THEN 'none'
                    WHEN NOT EXISTS (SELECT FROM pipeline.deals d JOIN identity.orgs o ON o.id = d.org_id
                                      WHERE o.name = 'Demo 演示公司') THEN 'empty'
                    ELSE 'full' END"
}

# demo_make SQL: the organisation with its admin, then the data in one transaction.
demo_make() {
    if [[ $(demo_state) == none ]]; then
        "$SFMS_BIN/sfmsctl" org create --name 'Demo 演示公司' --admin-email "$DEMO_ADMIN" \
            --admin-password-file "$SFMS_HOME/secrets/demo-password" --currency CNY --time-zone Asia/Shanghai \
            --locale zh-CN --country CN || return 1
    fi
    "$SFMS_BIN/sfmsctl" load "$1"
}

# demo_ensure SQL: makes it unless it is there.
demo_ensure() {
    if [[ $(demo_state) != full ]]; then
        step "Making the demo organisation: 22 sales people, 500 accounts, 2,000 deals" "$(home_log demo)" demo_make "$1"
    fi
}

# demo_login URL: true if the administrator may log in with the password that is kept here; not so if the organisation was made
# from another SFMS_HOME, in the same database.
demo_login() {
    printf '{"email":"%s","password":"%s"}' "$DEMO_ADMIN" "$(<"$SFMS_HOME/secrets/demo-password")" |
        curl -fsS -o /dev/null --max-time 10 --noproxy '*' -H 'Content-Type: application/json' -d @- "$1/v1/sessions" 2>/dev/null
}
