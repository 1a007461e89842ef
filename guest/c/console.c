/* Text for a person, and the last words.
 *
 * NOTIFY with the address of ordinary memory means: print the text there, up to its NUL. It works from
 * the first call on and needs no device. The virtio console is faster, and can be read from.
 *
 * Source: docs/abi.md, "NOTIFY argument", "Shutdown, restart, panic".
 *
 * Read next: block.c
 */
#include <stdarg.h>

#include "kennel.h"

/* In the image, so that its physical address is known; one call prints as much as fits. */
#define CHUNK 16
static char text[CHUNK + 1];
static uint32_t length;

static void send(void)
{
    text[length] = 0;
    if (length)
        hypercall(LHCALL_NOTIFY, phys(text), 0, 0);
    length = 0;
}

static void put(char letter)
{
    text[length++] = letter;
    if (length == CHUNK)
        send();
}

static void put_number(uint32_t number, uint32_t base)
{
    if (number >= base)
        put_number(number / base, base);
    put("0123456789abcdef"[number % base]);
}

/* Like printf, as far as it goes: %s, %u for a number, %x for one in hexadecimal. */
void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format; format++) {
        if (*format == '\n')
            put('\r');
        if (*format != '%') {
            put(*format);
            continue;
        }
        format++;
        if (*format == 's')
            for (const char *word = va_arg(arguments, const char *); *word; word++)
                put(*word);
        else
            put_number(va_arg(arguments, uint32_t), *format == 'x' ? 16 : 10);
    }
    va_end(arguments);
    send();
}

/* Ends the Guest. The Host prints the words, a string in the image. */
void power_off(const char *words)
{
    hypercall(LHCALL_SHUTDOWN, phys(words), LG_SHUTDOWN_POWEROFF, 0);
    for (;;)
        halt();
}
