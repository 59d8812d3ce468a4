/* id.c -- UUIDs of version 7. */
#include "core/id.h"

#include <stdint.h>
#include <sys/random.h>

#include "core/log.h"
#include "core/time.h"

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_hyphen_at(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

/* The 60 bits that order the ids of one thread: 48 of milliseconds and 12 of a counter. The counter starts
 * each millisecond somewhere in its lower half; when it is full, or when the clock was set back, it simply
 * counts on, into the milliseconds. */
static uint64_t
next_order(uint16_t random)
{
    static _Thread_local uint64_t last;
    uint64_t now = ((uint64_t)sfms_now_ms() << 12) | (random & 0x7ff);

    last = (now >> 12) > (last >> 12) ? now : last + 1;
    return last;
}

void
sfms_id_make(char out[SFMS_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        sfms_die("the system gives no random numbers");
    uint64_t order = next_order((uint16_t)(b[0] << 8 | b[1]));
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(order >> (52 - 8 * i));
    b[6] = (uint8_t)(0x70 | ((order >> 8) & 0x0f));
    b[7] = (uint8_t)order;
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));

    for (int i = 0, byte = 0; i < SFMS_ID_SIZE - 1; i++) {
        if (is_hyphen_at(i)) {
            out[i] = '-';
            continue;
        }
        out[i++] = digits[b[byte] >> 4];
        out[i] = digits[b[byte++] & 0x0f];
    }
    out[SFMS_ID_SIZE - 1] = '\0';
}

bool
sfms_id_valid(const char *text)
{
    for (int i = 0; i < SFMS_ID_SIZE - 1; i++)
        if (is_hyphen_at(i) ? text[i] != '-' : !is_hex(text[i]))
            return false;
    return text[SFMS_ID_SIZE - 1] == '\0';
}
