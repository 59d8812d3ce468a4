/*
 * limits.h -- every bound that input meets, in one place.
 */
#ifndef SFMS_CORE_LIMITS_H
#define SFMS_CORE_LIMITS_H

enum {
    SFMS_PAGE_DEFAULT = 50,        /* resources in a page when none are asked for */
    SFMS_PAGE_MAX = 200,           /* resources in a page at most; more is cut to this */
    SFMS_EXPORT_PAGE = 500,        /* resources in a page of an export */
    SFMS_COUNT_EXACT_MAX = 10000,  /* totalSize is exact up to here, an estimate beyond */
    SFMS_BODY_MAX = 1 << 20,       /* bytes of an HTTP body, unless the method says otherwise */
    SFMS_SMALL_BODY_MAX = 8 << 10, /* the same where no token is needed, or no body */
    SFMS_MESSAGE_MAX = 64 << 20,   /* bytes of one message between processes */
    SFMS_BATCH_CALLS = 64,         /* calls in one message at most */
    SFMS_BATCH_BYTES = 1 << 20,    /* request bytes after which a batch is full */
    SFMS_ANSWERS_BYTES = 4 << 20,  /* answer bytes after which reads of a batch are asked for one by one */
    SFMS_QUEUE_CALLS = 4096,       /* calls waiting for one service; beyond: UNAVAILABLE at once */
    SFMS_JSON_DEPTH = 16,          /* nesting of a JSON body */
    SFMS_JSON_VALUES = 1 << 16,    /* values in a JSON body: a small body makes no large tree */
    SFMS_STORED_DEPTH = 64,        /* nesting of JSON that the database holds */
    SFMS_STORED_BYTES = 16 << 20,  /* bytes of JSON that the database holds, of one field or event */
    SFMS_FILTER_TERMS = 64,        /* comparisons in one filter */
    SFMS_FILTER_DEPTH = 16,        /* nesting of brackets in one filter */
    SFMS_ORDER_FIELDS = 4,         /* fields in orderBy */
    SFMS_TEXT_DEFAULT = 255,       /* characters of a string field without max_length */
    SFMS_ITEMS_DEFAULT = 100,      /* elements of a repeated field without max_items */
    SFMS_CUSTOM_FIELDS_BYTES = 16 << 10, /* customFields of one record, as JSON */
    SFMS_VIOLATIONS_MAX = 100,           /* violations that one answer reports */
    SFMS_URL_MAX = 40 << 10,             /* bytes of an address: 4,096 Chinese characters fit */
    SFMS_HEAD_MAX = 44 << 10,            /* bytes of request line and headers; a Cookie counts twice */
    SFMS_HEADERS_MAX = 128,              /* headers and cookies of one request */
    SFMS_FORM_PARTS_MAX = 64,            /* parts of a form */
    SFMS_IDEMPOTENCY_KEY_MAX = 255,      /* characters of an Idempotency-Key */
    SFMS_REQUEST_ID_MAX = 64,            /* characters of an X-Request-Id that is kept */
    SFMS_CALL_MS_DEFAULT = 10000,        /* time that a call gets */
    SFMS_ARENA_CHUNK = 32 << 10,         /* bytes that an arena grows by at least */
    SFMS_ARENA_KEEP = 512 << 10,         /* bytes that an arena keeps over a reset */
    SFMS_STATEMENTS_MAX = 512,           /* prepared statements kept on one connection */
};

#endif
