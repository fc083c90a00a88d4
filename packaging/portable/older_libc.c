// Lets a program that is linked here run with C libraries as old as glibc 2.34 (RHEL 9, Amazon Linux 2023, Ubuntu 22.04): what newer ones
// gave another version, or brought first, stands here instead. scripts/link-portable links it in.
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#ifdef __x86_64__
#define FIRST "GLIBC_2.2.5"
#else
#define FIRST "GLIBC_2.17"
#endif

// Since 2.35 they leave errno alone, which nobody here reads; their results are the same.
__asm__(".symver older_hypot, hypot@" FIRST);
__asm__(".symver older_hypotf, hypotf@" FIRST);
double older_hypot(double x, double y);
float older_hypotf(float x, float y);
double hypot(double x, double y) { return older_hypot(x, y); }
float hypotf(float x, float y) { return older_hypotf(x, y); }

// New in 2.36; std::random_device is built upon it.
uint32_t arc4random(void) {
    uint32_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
    return number;
}
