/* time.c -- clocks and the texts of times. */
#include "core/time.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DAY = 86400 };
static const int64_t first_second = -62135596800; /* 0001-01-01T00:00:00Z */
static const int64_t last_second = 253402300799;  /* 9999-12-31T23:59:59Z */

int64_t
sfms_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
sfms_mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* digits reads exactly n digits and moves on; -1 if there are fewer. */
static int
digits(const char **p, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (!is_digit((*p)[i]))
            return -1;
        value = value * 10 + ((*p)[i] - '0');
    }
    *p += n;
    return value;
}

static bool
skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static int
month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool
is_day(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= month_days(year, month);
}

/* days_of answers the days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so
 * that the leap day is the last of its year; 400 years, which is an era, have 146097 days. */
static int64_t
days_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int64_t)era * 146097 + day_of_era - 719468;
}

/* date_of is the reverse of days_of. */
static void
date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int era = (int)(z / 146097);
    int day_of_era = (int)(z - (int64_t)era * 146097);
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int m = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool
parse_date(const char **p, int *year, int *month, int *day)
{
    *year = digits(p, 4);
    if (*year < 0 || !skip(p, '-'))
        return false;
    *month = digits(p, 2);
    if (*month < 0 || !skip(p, '-'))
        return false;
    *day = digits(p, 2);
    return is_day(*year, *month, *day);
}

/* parse_clock reads HH:MM:SS and answers the second of the day; -1 if it is none. */
static int
parse_clock(const char **p)
{
    int hour = digits(p, 2);
    if (hour < 0 || hour > 23 || !skip(p, ':'))
        return -1;
    int minute = digits(p, 2);
    if (minute < 0 || minute > 59 || !skip(p, ':'))
        return -1;
    int second = digits(p, 2);
    if (second < 0 || second > 59)
        return -1;
    return hour * 3600 + minute * 60 + second;
}

/* parse_fraction reads the decimals of a second, if there are any; -1 if they are malformed. */
static int32_t
parse_fraction(const char **p)
{
    int32_t nanos = 0;
    int n = 0;

    if (!skip(p, '.'))
        return 0;
    for (; n < 9 && is_digit(**p); n++)
        nanos = nanos * 10 + (*(*p)++ - '0');
    if (n == 0 || is_digit(**p))
        return -1;
    for (; n < 9; n++)
        nanos *= 10;
    return nanos;
}

/* parse_offset reads Z, +08:00 or PostgreSQL's +08 and the end of the text; false if it is malformed. */
static bool
parse_offset(const char *p, int *ret_seconds)
{
    if (*p == 'Z' || *p == 'z') {
        *ret_seconds = 0;
        return p[1] == '\0';
    }
    int sign = *p == '+' ? 1 : *p == '-' ? -1 : 0;
    if (sign == 0)
        return false;
    p++;
    int hours = digits(&p, 2);
    if (hours < 0 || hours > 23)
        return false;
    int minutes = 0;
    if (skip(&p, ':'))
        minutes = digits(&p, 2);
    if (minutes < 0 || minutes > 59 || *p != '\0')
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool
sfms_moment_parse(const char *text, sfms_moment *ret)
{
    const char *p = text;
    int year, month, day, offset;

    if (!parse_date(&p, &year, &month, &day))
        return false;
    if (*p != 'T' && *p != 't' && *p != ' ')
        return false;
    p++;
    int clock = parse_clock(&p);
    if (clock < 0)
        return false;
    int32_t nanos = parse_fraction(&p);
    if (nanos < 0 || !parse_offset(p, &offset))
        return false;

    int64_t seconds = days_of(year, month, day) * DAY + clock - offset;
    if (seconds < first_second || seconds > last_second)
        return false;
    *ret = (sfms_moment){seconds, nanos};
    return true;
}

/* put_number writes n digits. */
static char *
put_number(char *to, int value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + n;
}

static char *
put_date(char *to, int year, int month, int day)
{
    to = put_number(to, year, 4);
    *to++ = '-';
    to = put_number(to, month, 2);
    *to++ = '-';
    return put_number(to, day, 2);
}

void
sfms_moment_format(sfms_moment moment, char out[SFMS_MOMENT_SIZE])
{
    int64_t seconds = moment.seconds;
    int year, month, day;

    /* A moment that came over the wire may hold anything. */
    if (seconds < first_second)
        seconds = first_second;
    if (seconds > last_second)
        seconds = last_second;
    int32_t nanos = moment.nanos < 0 || moment.nanos > 999999999 ? 0 : moment.nanos;

    int64_t since_first = seconds - first_second;
    int clock = (int)(since_first % DAY);
    date_of((seconds - clock) / DAY, &year, &month, &day);

    char *p = put_date(out, year, month, day);
    *p++ = 'T';
    p = put_number(p, clock / 3600, 2);
    *p++ = ':';
    p = put_number(p, clock / 60 % 60, 2);
    *p++ = ':';
    p = put_number(p, clock % 60, 2);
    if (nanos != 0) {
        *p++ = '.';
        if (nanos % 1000000 == 0)
            p = put_number(p, nanos / 1000000, 3);
        else if (nanos % 1000 == 0)
            p = put_number(p, nanos / 1000, 6);
        else
            p = put_number(p, nanos, 9);
    }
    *p++ = 'Z';
    *p = '\0';
}

bool
sfms_date_valid(const char *text)
{
    const char *p = text;
    int year, month, day;

    return parse_date(&p, &year, &month, &day) && *p == '\0';
}

/* month_name reads an English month, abbreviated or not; 0 if there is none. */
static int
month_name(const char **p)
{
    static const char *const names[] = {"January", "February", "March", "April", "May", "June", "July",
        "August", "September", "October", "November", "December"};

    for (int i = 0; i < 12; i++) {
        size_t n = strlen(names[i]);

        if (strncasecmp(*p, names[i], 3) != 0)
            continue;
        *p += strncasecmp(*p, names[i], n) == 0 ? n : 3;
        return i + 1;
    }
    return 0;
}

/* short_number reads one or two digits; -1 if there is none. */
static int
short_number(const char **p)
{
    return digits(p, is_digit(**p) && is_digit((*p)[1]) ? 2 : 1);
}

/* day_number reads a spreadsheet's count of days. Some of them know a 29 February 1900, which is day 60; from the day after
 * on all count from 1899-12-30. */
static bool
day_number(const char **p, int *year, int *month, int *day)
{
    const int64_t origin = days_of(1899, 12, 30);
    int64_t n = 0;

    if (!is_digit(**p))
        return false;
    for (; is_digit(**p); (*p)++) {
        n = n * 10 + (**p - '0');
        if (n > days_of(9999, 12, 31) - origin)
            return false;
    }
    if (n <= 60)
        return false;
    date_of(origin + n, year, month, day);
    return true;
}

/* parse_part reads what one letter of a format stands for. */
static bool
parse_part(const char **p, char letter, int *year, int *month, int *day)
{
    switch (letter) {
    case 'd':
        *day = short_number(p);
        return *day > 0;
    case 'm':
        *month = short_number(p);
        return *month > 0;
    case 'b':
    case 'B':
        *month = month_name(p);
        return *month > 0;
    case 'Y':
        *year = digits(p, 4);
        return *year > 0;
    case 'y':
        *year = digits(p, 2);
        if (*year < 0)
            return false;
        *year += *year < 69 ? 2000 : 1900;
        return true;
    case 'N':
        return day_number(p, year, month, day);
    case '%':
        return skip(p, '%');
    default:
        return false;
    }
}

bool
sfms_date_parse(const char *text, const char *format, char out[11])
{
    const char *p = text;
    int year = 0, month = 0, day = 0;

    for (; *format != '\0'; format++) {
        bool fits = *format == '%' ? parse_part(&p, *++format, &year, &month, &day) : skip(&p, *format);

        if (!fits)
            return false;
    }
    if (*p != '\0' || !is_day(year, month, day))
        return false;
    *put_date(out, year, month, day) = '\0';
    return true;
}
