/* Its own feature-test macro, after which IOV_MAX is declared. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <limits.h>
#include <sys/uio.h>

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct iovec vectors[IOV_MAX];

int main(void)
{
    return writev(1, vectors, IOV_MAX) != 0 || pthread_cond_signal(&cond) != 0;
}
