/*
 * bcryptprimitives.dll for Wine before 9.0, which has none; every Go program since 1.22 asks for
 * ProcessPrng when it starts. It forwards to advapi32's RtlGenRandom. For test prefixes only: it must
 * never be part of anything that is shipped.
 */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
	while (length > 0) {
		ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
		if (!SystemFunction036(data, part))
			return FALSE;
		data += part;
		length -= part;
	}
	return TRUE;
}
