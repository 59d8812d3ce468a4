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

/* word moves behind the text w if it stands there, in any case. */
static bool
word(const char **p, const char *w)
{
    if (strncasecmp(*p, w, strlen(w)) != 0)
        return false;
    *p += strlen(w);
    return true;
}

/* month_name reads a month in English, abbreviated or not, or in Chinese; 0 if there is none. */
static int
month_name(const char **p)
{
    /* Of two that begin alike, the longer one first. */
    static const char *const names[12][5] = {{"January", "Jan.", "Jan", "一月"},
        {"February", "Feb.", "Feb", "二月"}, {"March", "Mar.", "Mar", "三月"},
        {"April", "Apr.", "Apr", "四月"}, {"May.", "May", "五月"}, {"June", "Jun.", "Jun", "六月"},
        {"July", "Jul.", "Jul", "七月"}, {"August", "Aug.", "Aug", "八月"},
        {"September", "Sept.", "Sept", "Sep.", "Sep"}, {"October", "Oct.", "Oct", "十月"},
        {"November", "Nov.", "Nov", "十一月"}, {"December", "Dec.", "Dec", "十二月"}};
    const char *digits_at = *p;
    int n = is_digit(*digits_at) ? digits(&digits_at, is_digit(digits_at[1]) ? 2 : 1) : 0;

    if (n >= 1 && n <= 12 && word(&digits_at, "月")) {
        *p = digits_at;
        return n;
    }
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < 5 && names[i][k] != NULL; k++)
            if (word(p, names[i][k]))
                return i + 1;
    return word(p, "九月") ? 9 : 0;
}

/* short_number reads one or two digits; -1 if there is none. */
static int
short_number(const char **p)
{
    return digits(p, is_digit(**p) && is_digit((*p)[1]) ? 2 : 1);
}

/* decimals reads what follows a point, as billionths; what is finer is cut off. */
static int32_t
decimals(const char **p)
{
    int32_t value = 0;
    int n = 0;

    for (; is_digit(**p); (*p)++, n++)
        if (n < 9)
            value = value * 10 + (**p - '0');
    for (; n < 9; n++)
        value *= 10;
    return value;
}

/* day_number reads a spreadsheet's count of days. Some of them know a 29 February 1900, which is day 60; from the day after
 * on all count from 1899-12-30. The decimals are a time of day, of which spreadsheets keep milliseconds at best. */
static bool
day_number(const char **p, bool with_decimals, sfms_wall *ret)
{
    const int64_t origin = days_of(1899, 12, 30);
    int64_t n = 0, ms = 0;

    if (!is_digit(**p))
        return false;
    for (; is_digit(**p); (*p)++) {
        n = n * 10 + (**p - '0');
        if (n > days_of(9999, 12, 31) - origin)
            return false;
    }
    if (with_decimals && (**p == '.' || **p == ',') && is_digit((*p)[1])) {
        (*p)++;
        ms = ((int64_t)decimals(p) * (DAY * 1000 / 100) + 5000000) / 10000000;
    }
    if (n <= 60)
        return false;
    if (ms >= DAY * 1000)
        ms = DAY * 1000 - 1;
    date_of(origin + n, &ret->year, &ret->month, &ret->day);
    ret->hour = (int)(ms / 3600000);
    ret->minute = (int)(ms / 60000 % 60);
    ret->second = (int)(ms / 1000 % 60);
    ret->nanos = (int32_t)(ms % 1000 * 1000000);
    return true;
}

/* wall_offset reads how far a clock is from UTC. */
static bool
wall_offset(const char **p, sfms_wall *ret)
{
    int sign = **p == '-' ? -1 : 1;
    int hours, minutes = 0;

    ret->has_offset = true;
    if (word(p, "Z") || word(p, "UTC") || word(p, "GMT"))
        return true;
    if (!skip(p, '+') && !skip(p, '-'))
        return false;
    hours = digits(p, 2);
    if (skip(p, ':') || is_digit(**p))
        minutes = digits(p, 2);
    ret->offset = sign * (hours * 3600 + minutes * 60);
    return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

/* half_of_day reads AM or PM, which in Chinese stands before the hour. */
static bool
half_of_day(const char **p, sfms_wall *ret)
{
    bool am = word(p, "AM") || word(p, "上午");

    if (!am && !word(p, "PM") && !word(p, "下午"))
        return false;
    ret->half = am ? 1 : 2;
    return true;
}

/* hour_of_24 turns an hour of twelve into one of 24. */
static bool
hour_of_24(sfms_wall *ret)
{
    if (ret->half == 0)
        return ret->hour <= 23;
    if (ret->hour < 1 || ret->hour > 12)
        return false;
    ret->hour = ret->hour % 12 + (ret->half == 1 ? 0 : 12);
    return true;
}

static bool
wall_second(const char **p, sfms_wall *ret)
{
    ret->second = digits(p, 2);
    if ((**p == '.' || **p == ',') && is_digit((*p)[1])) {
        (*p)++;
        ret->nanos = decimals(p);
    }
    return ret->second >= 0;
}

static bool
two_digit_year(const char **p, sfms_wall *ret)
{
    ret->year = digits(p, 2);
    if (ret->year < 0)
        return false;
    ret->year += ret->year < 69 ? 2000 : 1900;
    return true;
}

/* parse_part reads what one letter of a format stands for; next is the one behind it. */
static bool
parse_part(const char **p, char letter, char next, sfms_wall *ret)
{
    switch (letter) {
    case 'd':
        return (ret->day = short_number(p)) > 0;
    case 'm':
        return (ret->month = short_number(p)) > 0;
    case 'b':
    case 'B':
        return (ret->month = month_name(p)) > 0;
    case 'Y':
        return (ret->year = digits(p, 4)) > 0;
    case 'y':
        return two_digit_year(p, ret);
    case 'H':
    case 'I':
        return (ret->hour = short_number(p)) >= 0;
    case 'M':
        return (ret->minute = digits(p, 2)) >= 0;
    case 'S':
        return wall_second(p, ret);
    case 'p':
        return half_of_day(p, ret);
    case 'z':
        return wall_offset(p, ret);
    case 'N':
        return day_number(p, next != '.', ret);
    case '%':
        return skip(p, '%');
    default:
        return false;
    }
}

bool
sfms_wall_parse(const char *text, const char *format, sfms_wall *ret)
{
    const char *p = text;

    *ret = (sfms_wall){0};
    for (; *format != '\0'; format++) {
        bool letter = *format == '%' && format[1] != '\0';

        format += letter;
        bool fits = letter ? parse_part(&p, *format, format[1], ret) : skip(&p, *format);

        if (!fits)
            return false;
        if (!letter && *format == ' ')
            p += strspn(p, " ");
    }
    return *p == '\0' && is_day(ret->year, ret->month, ret->day) && hour_of_24(ret) && ret->minute <= 59 &&
           ret->second <= 59;
}

bool
sfms_date_parse(const char *text, const char *format, char out[11])
{
    sfms_wall wall;

    if (!sfms_wall_parse(text, format, &wall))
        return false;
    *put_date(out, wall.year, wall.month, wall.day) = '\0';
    return true;
}

int64_t
sfms_wall_seconds(const sfms_wall *wall)
{
    return days_of(wall->year, wall->month, wall->day) * DAY + wall->hour * 3600 + wall->minute * 60 +
           wall->second;
}
