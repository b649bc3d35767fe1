#include "cmlx.h"
