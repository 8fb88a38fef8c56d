/* Prints what was compiled against and what is loaded; fails when the two do not fit. */
#include <stdio.h>

#include "loquor/loquor.h"

int main(void) {
  printf("loquor %s, ABI %u, header ABI %u\n", loquor_version(), (unsigned)loquor_abi_version(),
         (unsigned)LOQUOR_ABI_VERSION);
  return loquor_abi_version() == LOQUOR_ABI_VERSION ? 0 : 1;
}
