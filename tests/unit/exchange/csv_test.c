/* csv_test.c -- files as people have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "exchange/imports/csv.c"
#include "exchange/imports/encoding.c"

static sfms_arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = sfms_arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    sfms_arena_free(arena);
    return 0;
}

/* Writes rows as "number:cell|cell;". */
static bool
join(void *arg, const import_csv_row *row)
{
    sfms_buf *b = arg;

    sfms_buf_printf(b, "%lld:", (long long)row->number);
    for (unsigned i = 0; i < row->n_cells && i < IMPORT_COLUMNS_MAX; i++)
        sfms_buf_printf(b, "%s%s", i > 0 ? "|" : "", row->cells[i]);
    sfms_buf_char(b, ';');
    return true;
}

static const char *
rows_declared(const char *charset, const char *text, size_t n, unsigned n_names, const char *const *names)
{
    sfms_buf b;
    import_text decoded;
    import_csv_file file;
    int64_t row;

    if (import_text_read(arena, charset, text, n, &decoded) != IMPORT_TEXT_OK)
        return "undecodable";
    sfms_buf_init(&b, arena, SFMS_BODY_MAX);
    file = import_csv_open(arena, decoded.text, decoded.len, n_names, names);
    if (import_csv_read(&file, join, &b, &row) != IMPORT_CSV_OK)
        return "refused";
    return b.data;
}

#define ROWS(literal) rows_declared("", literal, sizeof(literal) - 1, 0, NULL)
#define DECLARED(charset, literal) rows_declared(charset, literal, sizeof(literal) - 1, 0, NULL)

static import_text_result
result_as(const char *charset, const char *text, size_t n, const char *taken)
{
    import_text decoded;
    import_text_result result = import_text_read(arena, charset, text, n, &decoded);

    assert_string_equal(decoded.encoding, taken);
    return result;
}

#define RESULT(charset, literal, taken) result_as(charset, literal, sizeof(literal) - 1, taken)

static void
test_quotes(void **state)
{
    (void)state;
    assert_string_equal(ROWS("a,b\n\"x, y\",\"he said \"\"no\"\"\"\n"), "0:a|b;1:x, y|he said \"no\";");
    assert_string_equal(ROWS("a,b\n\"two\nlines\",2\n"), "0:a|b;1:two\nlines|2;");
    assert_string_equal(ROWS("a,b\n5\" disk,2\n"), "0:a|b;1:5\" disk|2;");
    assert_string_equal(ROWS("a,b\n  x  ,\" x \"\n"), "0:a|b;1:x| x ;");
    assert_string_equal(ROWS("a,b\n1,\"never ends\n"), "refused");
    assert_string_equal(ROWS("a\n\"\""), "0:a;");
}

static void
test_line_ends_and_marks(void **state)
{
    (void)state;
    assert_string_equal(ROWS("\xef\xbb\xbf"
                             "a,b\r\n1,2\r\n\r\n3,4"),
        "0:a|b;1:1|2;2:3|4;");
    assert_string_equal(ROWS("a,b\r1,2\r"), "0:a|b;1:1|2;");
    assert_string_equal(ROWS("a,b\n1,2\n,\n,,,\n"), "0:a|b;1:1|2;");
    assert_string_equal(ROWS(""), "refused");
    assert_string_equal(ROWS("\n\n"), "refused");
    assert_string_equal(ROWS("a,b"), "0:a|b;");
}

static void
test_delimiters(void **state)
{
    (void)state;
    assert_string_equal(ROWS("a;b;c\n1,5;2;3\n"), "0:a|b|c;1:1,5|2|3;");
    assert_string_equal(ROWS("a\tb\n1\t2\n"), "0:a|b;1:1|2;");
    assert_string_equal(ROWS("\"a;b;c\",d\n1,2\n"), "0:a;b;c|d;1:1|2;");
    assert_string_equal(ROWS("alone\nx\n"), "0:alone;1:x;");
}

static void
test_encodings(void **state)
{
    (void)state;
    assert_string_equal(ROWS("名称,城市\n华为,深圳\n"), "0:名称|城市;1:华为|深圳;");
    /* The same in GB18030. */
    assert_string_equal(ROWS("\xc3\xfb\xb3\xc6,\xb3\xc7\xca\xd0\n\xbb\xaa\xce\xaa,\xc9\xee\xdb\xda\n"),
        "0:名称|城市;1:华为|深圳;");
    /* Four bytes: a character outside the basic plane. */
    assert_string_equal(ROWS("a\n\x95\x32\x82\x36\n"), "0:a;1:𠀀;");
    assert_string_equal(ROWS("\xff\xfe"
                             "a\0,\0b\0\n\0\x0d\x54,\0"
                             "2\0"),
        "0:a|b;1:名|2;");
    assert_string_equal(ROWS("a,b\n\xff\xff,2\n"), "undecodable");
    assert_string_equal(ROWS("a,b\n1\0,2\n"), "undecodable");
}

static void
test_declared_encodings(void **state)
{
    (void)state;
    assert_string_equal(DECLARED("windows-1252", "n\nM\xfcller GmbH\n"), "0:n;1:Müller GmbH;");
    assert_string_equal(DECLARED("ISO-8859-1", "n\nM\xfcller \x80\n"), "0:n;1:Müller €;");
    assert_string_equal(DECLARED("Big5", "n\n\xc5\xe3\xa5\x64\n"), "0:n;1:顯卡;");
    assert_string_equal(DECLARED("shift_jis", "n\n\x93\x8c\x8b\x9e\n"), "0:n;1:東京;");
    assert_string_equal(DECLARED("euc-kr", "n\n\xbc\xad\xbf\xef\n"), "0:n;1:서울;");
    assert_string_equal(DECLARED("gb2312", "n\n\xe9\x46\n"), "0:n;1:镕;");
    assert_string_equal(DECLARED("utf-16le", "n\0\n\0\x0d\x54\n\0"), "0:n;1:名;");
    assert_string_equal(DECLARED("UTF-16", "\xfe\xff\0n\0\n\x54\x0d"), "0:n;1:名;");
    assert_int_equal(RESULT("utf-16", "n\0\n\0", ""), IMPORT_TEXT_UNKNOWN);
    assert_int_equal(RESULT("klingon", "n\n", ""), IMPORT_TEXT_UNKNOWN);
    assert_int_equal(RESULT(" ", "n\n", ""), IMPORT_TEXT_UNKNOWN);
    assert_int_equal(RESULT("utf-8", "n\ncaf\xe9\n", "UTF-8"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("windows-1252", "n\n\x81\n", "windows-1252"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("utf-16le", "n\0\x00\xd8n\0", "UTF-16LE"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("gbk", "\xef\xbb\xbfn\n", "GB18030"), IMPORT_TEXT_MARK);
    assert_string_equal(
        import_charset(arena, "text/csv; header=present; CharSet=\"UTF-16\" ; x=y"), "UTF-16");
    assert_string_equal(import_charset(arena, "text/csv;charset=big5"), "big5");
    assert_string_equal(import_charset(arena, "text/csv"), "");
}

static void
test_what_is_not_declared_is_read_without_doubt_or_not_at_all(void **state)
{
    (void)state;
    assert_int_equal(RESULT("", "\xef\xbb\xbfn\n云帆,caf\xe9s\n", "UTF-8"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("", "n\n云帆,caf\xe9s\n", "UTF-8"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("", "n\n云帆\xe4\xba", "UTF-8"), IMPORT_TEXT_DAMAGED);
    assert_int_equal(RESULT("", "n\nM\xfcller,Z\xfcrich\n", "UTF-8"), IMPORT_TEXT_UNCLEAR);
    /* Москва in windows-1251, 東京 in Shift_JIS, 顯卡 in Big5: all are valid GB18030. */
    assert_int_equal(RESULT("", "n\n\xec\xee\xf1\xea\xe2\xe0\n", "UTF-8"), IMPORT_TEXT_UNCLEAR);
    assert_int_equal(RESULT("", "n\n\x93\x8c\x8b\x9e\n", "UTF-8"), IMPORT_TEXT_UNCLEAR);
    assert_int_equal(RESULT("", "n\n\xd4\xc6\xb7\xab\n", "GB18030"), IMPORT_TEXT_OK);
    assert_int_equal(RESULT("", "n\0\n\0", "UTF-8"), IMPORT_TEXT_NUL);
}

static void
test_what_stands_before_the_header(void **state)
{
    static const char *const names[] = {"name", "Umsatz, EUR"};
    static const char mixed[] = "name;Umsatz, EUR\nAlpha;1,5\n";

    (void)state;
    assert_string_equal(ROWS("sep=;\r\na;b,c\r\n1;2\r\n"), "0:a|b,c;1:1|2;");
    assert_string_equal(ROWS("\xef\xbb\xbf\"sep=,\"\na,b;c;d\n1,2\n"), "0:a|b;c;d;1:1|2;");
    assert_string_equal(ROWS("SEP=^\na^b\n1^2\n"), "0:a|b;1:1|2;");
    assert_string_equal(ROWS("sep=x\n1\n"), "0:sep=x;1:1;");
    assert_string_equal(ROWS("\n  \r\n;;;\na,b;c;d\n1;2\n"), "0:a,b|c|d;1:1|2;");
    assert_string_equal(ROWS("a|b\r1|2\r"), "0:a|b;1:1|2;");
    assert_string_equal(
        rows_declared("", mixed, sizeof(mixed) - 1, 2, names), "0:name|Umsatz, EUR;1:Alpha|1,5;");
}

static void
test_ragged_rows_come_as_they_are(void **state)
{
    (void)state;
    assert_string_equal(ROWS("a,b,c\n1,2\n1,2,3,4\n"), "0:a|b|c;1:1|2;2:1|2|3|4;");
}

static import_csv_result
result_of(const char *text, size_t n, int64_t *ret_row)
{
    sfms_buf b;

    sfms_buf_init(&b, arena, SFMS_MESSAGE_MAX);
    return import_csv_read(&(import_csv_file){text, n, ','}, join, &b, ret_row);
}

static void
test_bounds(void **state)
{
    size_t n = IMPORT_CELL_MAX;
    char *text = sfms_alloc(arena, n + 100);
    int64_t row;

    (void)state;
    memcpy(text, "a\n", 2);
    memset(text + 2, 'x', n);
    assert_int_equal(result_of(text, n + 2, &row), IMPORT_CSV_OK);
    text[n + 2] = 'x';
    assert_int_equal(result_of(text, n + 3, &row), IMPORT_CSV_CELL);
    assert_int_equal(row, 1);

    memset(text, ',', IMPORT_COLUMNS_MAX);
    assert_int_equal(result_of(text, IMPORT_COLUMNS_MAX - 1, &row), IMPORT_CSV_OK);
    assert_int_equal(result_of(text, IMPORT_COLUMNS_MAX, &row), IMPORT_CSV_COLUMNS);
}

static bool
count_row(void *arg, const import_csv_row *row)
{
    int64_t *last = arg;

    *last = row->number;
    return row->number < 5;
}

static void
test_many_rows(void **state)
{
    size_t n = 2 * (IMPORT_ROWS_MAX + 2);
    char *text = sfms_alloc(arena, n);
    int64_t row, last;

    (void)state;
    for (size_t i = 0; i < n; i += 2)
        memcpy(text + i, "x\n", 2);
    assert_int_equal(
        import_csv_read(&(import_csv_file){text, n, ','}, count_row, &last, &row), IMPORT_CSV_STOPPED);
    assert_int_equal(last, 5);
}

static void
test_what_is_written_reads_the_same(void **state)
{
    static const char *const cells[] = {"plain", "", "a;b", "say \"x\"", "two\r\nlines", " spaced ", "华为"};
    sfms_buf b, rows;
    int64_t row;

    (void)state;
    sfms_buf_init(&b, arena, SFMS_BODY_MAX);
    for (unsigned i = 0; i < 7; i++)
        import_csv_cell(&b, ';', i == 0, cells[i]);
    import_csv_end(&b);
    sfms_buf_init(&rows, arena, SFMS_BODY_MAX);
    assert_int_equal(
        import_csv_read(&(import_csv_file){b.data, b.len, ';'}, join, &rows, &row), IMPORT_CSV_OK);
    assert_string_equal(rows.data, "0:plain||a;b|say \"x\"|two\r\nlines| spaced |华为;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_line_ends_and_marks),
        cmocka_unit_test(test_delimiters),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_declared_encodings),
        cmocka_unit_test(test_what_is_not_declared_is_read_without_doubt_or_not_at_all),
        cmocka_unit_test(test_what_stands_before_the_header),
        cmocka_unit_test(test_ragged_rows_come_as_they_are),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_what_is_written_reads_the_same),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
