/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_cipher.h"

#include <stddef.h>

struct range {
	uint16_t first;
	uint16_t last;
};

/* The part of a suite's name before "WITH". */
enum kind {
	UNKNOWN,
	NULL_SUITE,
	RSA,
	RSA_EXPORT,
	DH_DSS,
	DH_RSA,
	DH_ANON,
	DHE_DSS,
	DHE_RSA,
	ECDH_ECDSA,
	ECDH_RSA,
	ECDH_ANON,
	ECDHE_ECDSA,
	ECDHE_RSA,
	PSK,
	DHE_PSK,
	RSA_PSK,
	ECDHE_PSK,
	SRP,
	SRP_RSA,
	SRP_DSS,
	KRB5,
	ECCPWD,
	GOST,
	BY_EXTENSIONS,
};

static const struct {
	enum tls_exchange exchange;
	enum tls_authentication authentication;
	enum tls_presence certificate;
	enum tls_presence key_exchange;
} kinds[] = {
	[UNKNOWN] = { TLS_EXCHANGE_UNKNOWN, TLS_AUTHENTICATION_UNKNOWN, TLS_OPTIONAL,
	              TLS_OPTIONAL },
	[NULL_SUITE] = { TLS_EXCHANGE_NONE, TLS_AUTHENTICATION_NONE, TLS_OPTIONAL, TLS_OPTIONAL },
	[RSA] = { TLS_EXCHANGE_RSA, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	[RSA_EXPORT] = { TLS_EXCHANGE_RSA_EXPORT, TLS_AUTHENTICATION_RSA, TLS_REQUIRED,
	                 TLS_OPTIONAL },
	[DH_DSS] = { TLS_EXCHANGE_DH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	[DH_RSA] = { TLS_EXCHANGE_DH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	[DH_ANON] = { TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_NONE, TLS_ABSENT, TLS_REQUIRED },
	[DHE_DSS] = { TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_DSS, TLS_REQUIRED, TLS_REQUIRED },
	[DHE_RSA] = { TLS_EXCHANGE_DHE, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	[ECDH_ECDSA] = { TLS_EXCHANGE_ECDH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	                 TLS_ABSENT },
	[ECDH_RSA] = { TLS_EXCHANGE_ECDH, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	[ECDH_ANON] = { TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_NONE, TLS_ABSENT, TLS_REQUIRED },
	[ECDHE_ECDSA] = { TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_ECDSA, TLS_REQUIRED,
	                  TLS_REQUIRED },
	[ECDHE_RSA] = { TLS_EXCHANGE_ECDHE, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	[PSK] = { TLS_EXCHANGE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_OPTIONAL },
	[DHE_PSK] = { TLS_EXCHANGE_DHE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	[RSA_PSK] = { TLS_EXCHANGE_RSA_PSK, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED,
	              TLS_OPTIONAL },
	[ECDHE_PSK] = { TLS_EXCHANGE_ECDHE_PSK, TLS_AUTHENTICATION_SECRET, TLS_ABSENT,
	                TLS_REQUIRED },
	[SRP] = { TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	[SRP_RSA] = { TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_RSA, TLS_REQUIRED, TLS_REQUIRED },
	[SRP_DSS] = { TLS_EXCHANGE_SRP, TLS_AUTHENTICATION_DSS, TLS_REQUIRED, TLS_REQUIRED },
	[KRB5] = { TLS_EXCHANGE_KRB5, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_ABSENT },
	[ECCPWD] = { TLS_EXCHANGE_ECCPWD, TLS_AUTHENTICATION_SECRET, TLS_ABSENT, TLS_REQUIRED },
	[GOST] = { TLS_EXCHANGE_GOST, TLS_AUTHENTICATION_DECRYPTION, TLS_REQUIRED, TLS_ABSENT },
	[BY_EXTENSIONS] = { TLS_EXCHANGE_BY_EXTENSIONS, TLS_AUTHENTICATION_BY_EXTENSIONS,
	                    TLS_OPTIONAL, TLS_OPTIONAL },
};

/* In ascending order. */
static const struct {
	struct range range;
	enum kind kind;
} suites[] = {
	{ { 0x0000, 0x0000 }, NULL_SUITE },    { { 0x0001, 0x0002 }, RSA },
	{ { 0x0003, 0x0003 }, RSA_EXPORT },    { { 0x0004, 0x0005 }, RSA },
	{ { 0x0006, 0x0006 }, RSA_EXPORT },    { { 0x0007, 0x0007 }, RSA },
	{ { 0x0008, 0x0008 }, RSA_EXPORT },    { { 0x0009, 0x000a }, RSA },
	{ { 0x000b, 0x000d }, DH_DSS },        { { 0x000e, 0x0010 }, DH_RSA },
	{ { 0x0011, 0x0013 }, DHE_DSS },       { { 0x0014, 0x0016 }, DHE_RSA },
	{ { 0x0017, 0x001b }, DH_ANON },       { { 0x001e, 0x002b }, KRB5 },
	{ { 0x002c, 0x002c }, PSK },           { { 0x002d, 0x002d }, DHE_PSK },
	{ { 0x002e, 0x002e }, RSA_PSK },       { { 0x002f, 0x002f }, RSA },
	{ { 0x0030, 0x0030 }, DH_DSS },        { { 0x0031, 0x0031 }, DH_RSA },
	{ { 0x0032, 0x0032 }, DHE_DSS },       { { 0x0033, 0x0033 }, DHE_RSA },
	{ { 0x0034, 0x0034 }, DH_ANON },       { { 0x0035, 0x0035 }, RSA },
	{ { 0x0036, 0x0036 }, DH_DSS },        { { 0x0037, 0x0037 }, DH_RSA },
	{ { 0x0038, 0x0038 }, DHE_DSS },       { { 0x0039, 0x0039 }, DHE_RSA },
	{ { 0x003a, 0x003a }, DH_ANON },       { { 0x003b, 0x003d }, RSA },
	{ { 0x003e, 0x003e }, DH_DSS },        { { 0x003f, 0x003f }, DH_RSA },
	{ { 0x0040, 0x0040 }, DHE_DSS },       { { 0x0041, 0x0041 }, RSA },
	{ { 0x0042, 0x0042 }, DH_DSS },        { { 0x0043, 0x0043 }, DH_RSA },
	{ { 0x0044, 0x0044 }, DHE_DSS },       { { 0x0045, 0x0045 }, DHE_RSA },
	{ { 0x0046, 0x0046 }, DH_ANON },       { { 0x0062, 0x0062 }, RSA_EXPORT },
	{ { 0x0063, 0x0063 }, DHE_DSS },       { { 0x0064, 0x0064 }, RSA_EXPORT },
	{ { 0x0065, 0x0066 }, DHE_DSS },       { { 0x0067, 0x0067 }, DHE_RSA },
	{ { 0x0068, 0x0068 }, DH_DSS },        { { 0x0069, 0x0069 }, DH_RSA },
	{ { 0x006a, 0x006a }, DHE_DSS },       { { 0x006b, 0x006b }, DHE_RSA },
	{ { 0x006c, 0x006d }, DH_ANON },       { { 0x0080, 0x0083 }, GOST },
	{ { 0x0084, 0x0084 }, RSA },           { { 0x0085, 0x0085 }, DH_DSS },
	{ { 0x0086, 0x0086 }, DH_RSA },        { { 0x0087, 0x0087 }, DHE_DSS },
	{ { 0x0088, 0x0088 }, DHE_RSA },       { { 0x0089, 0x0089 }, DH_ANON },
	{ { 0x008a, 0x008d }, PSK },           { { 0x008e, 0x0091 }, DHE_PSK },
	{ { 0x0092, 0x0095 }, RSA_PSK },       { { 0x0096, 0x0096 }, RSA },
	{ { 0x0097, 0x0097 }, DH_DSS },        { { 0x0098, 0x0098 }, DH_RSA },
	{ { 0x0099, 0x0099 }, DHE_DSS },       { { 0x009a, 0x009a }, DHE_RSA },
	{ { 0x009b, 0x009b }, DH_ANON },       { { 0x009c, 0x009d }, RSA },
	{ { 0x009e, 0x009f }, DHE_RSA },       { { 0x00a0, 0x00a1 }, DH_RSA },
	{ { 0x00a2, 0x00a3 }, DHE_DSS },       { { 0x00a4, 0x00a5 }, DH_DSS },
	{ { 0x00a6, 0x00a7 }, DH_ANON },       { { 0x00a8, 0x00a9 }, PSK },
	{ { 0x00aa, 0x00ab }, DHE_PSK },       { { 0x00ac, 0x00ad }, RSA_PSK },
	{ { 0x00ae, 0x00b1 }, PSK },           { { 0x00b2, 0x00b5 }, DHE_PSK },
	{ { 0x00b6, 0x00b9 }, RSA_PSK },       { { 0x00ba, 0x00ba }, RSA },
	{ { 0x00bb, 0x00bb }, DH_DSS },        { { 0x00bc, 0x00bc }, DH_RSA },
	{ { 0x00bd, 0x00bd }, DHE_DSS },       { { 0x00be, 0x00be }, DHE_RSA },
	{ { 0x00bf, 0x00bf }, DH_ANON },       { { 0x00c0, 0x00c0 }, RSA },
	{ { 0x00c1, 0x00c1 }, DH_DSS },        { { 0x00c2, 0x00c2 }, DH_RSA },
	{ { 0x00c3, 0x00c3 }, DHE_DSS },       { { 0x00c4, 0x00c4 }, DHE_RSA },
	{ { 0x00c5, 0x00c5 }, DH_ANON },       { { 0x00c6, 0x00c7 }, BY_EXTENSIONS },
	{ { 0x1301, 0x1307 }, BY_EXTENSIONS }, { { 0xc001, 0xc005 }, ECDH_ECDSA },
	{ { 0xc006, 0xc00a }, ECDHE_ECDSA },   { { 0xc00b, 0xc00f }, ECDH_RSA },
	{ { 0xc010, 0xc014 }, ECDHE_RSA },     { { 0xc015, 0xc019 }, ECDH_ANON },
	{ { 0xc01a, 0xc01a }, SRP },           { { 0xc01b, 0xc01b }, SRP_RSA },
	{ { 0xc01c, 0xc01c }, SRP_DSS },       { { 0xc01d, 0xc01d }, SRP },
	{ { 0xc01e, 0xc01e }, SRP_RSA },       { { 0xc01f, 0xc01f }, SRP_DSS },
	{ { 0xc020, 0xc020 }, SRP },           { { 0xc021, 0xc021 }, SRP_RSA },
	{ { 0xc022, 0xc022 }, SRP_DSS },       { { 0xc023, 0xc024 }, ECDHE_ECDSA },
	{ { 0xc025, 0xc026 }, ECDH_ECDSA },    { { 0xc027, 0xc028 }, ECDHE_RSA },
	{ { 0xc029, 0xc02a }, ECDH_RSA },      { { 0xc02b, 0xc02c }, ECDHE_ECDSA },
	{ { 0xc02d, 0xc02e }, ECDH_ECDSA },    { { 0xc02f, 0xc030 }, ECDHE_RSA },
	{ { 0xc031, 0xc032 }, ECDH_RSA },      { { 0xc033, 0xc03b }, ECDHE_PSK },
	{ { 0xc03c, 0xc03d }, RSA },           { { 0xc03e, 0xc03f }, DH_DSS },
	{ { 0xc040, 0xc041 }, DH_RSA },        { { 0xc042, 0xc043 }, DHE_DSS },
	{ { 0xc044, 0xc045 }, DHE_RSA },       { { 0xc046, 0xc047 }, DH_ANON },
	{ { 0xc048, 0xc049 }, ECDHE_ECDSA },   { { 0xc04a, 0xc04b }, ECDH_ECDSA },
	{ { 0xc04c, 0xc04d }, ECDHE_RSA },     { { 0xc04e, 0xc04f }, ECDH_RSA },
	{ { 0xc050, 0xc051 }, RSA },           { { 0xc052, 0xc053 }, DHE_RSA },
	{ { 0xc054, 0xc055 }, DH_RSA },        { { 0xc056, 0xc057 }, DHE_DSS },
	{ { 0xc058, 0xc059 }, DH_DSS },        { { 0xc05a, 0xc05b }, DH_ANON },
	{ { 0xc05c, 0xc05d }, ECDHE_ECDSA },   { { 0xc05e, 0xc05f }, ECDH_ECDSA },
	{ { 0xc060, 0xc061 }, ECDHE_RSA },     { { 0xc062, 0xc063 }, ECDH_RSA },
	{ { 0xc064, 0xc065 }, PSK },           { { 0xc066, 0xc067 }, DHE_PSK },
	{ { 0xc068, 0xc069 }, RSA_PSK },       { { 0xc06a, 0xc06b }, PSK },
	{ { 0xc06c, 0xc06d }, DHE_PSK },       { { 0xc06e, 0xc06f }, RSA_PSK },
	{ { 0xc070, 0xc071 }, ECDHE_PSK },     { { 0xc072, 0xc073 }, ECDHE_ECDSA },
	{ { 0xc074, 0xc075 }, ECDH_ECDSA },    { { 0xc076, 0xc077 }, ECDHE_RSA },
	{ { 0xc078, 0xc079 }, ECDH_RSA },      { { 0xc07a, 0xc07b }, RSA },
	{ { 0xc07c, 0xc07d }, DHE_RSA },       { { 0xc07e, 0xc07f }, DH_RSA },
	{ { 0xc080, 0xc081 }, DHE_DSS },       { { 0xc082, 0xc083 }, DH_DSS },
	{ { 0xc084, 0xc085 }, DH_ANON },       { { 0xc086, 0xc087 }, ECDHE_ECDSA },
	{ { 0xc088, 0xc089 }, ECDH_ECDSA },    { { 0xc08a, 0xc08b }, ECDHE_RSA },
	{ { 0xc08c, 0xc08d }, ECDH_RSA },      { { 0xc08e, 0xc08f }, PSK },
	{ { 0xc090, 0xc091 }, DHE_PSK },       { { 0xc092, 0xc093 }, RSA_PSK },
	{ { 0xc094, 0xc095 }, PSK },           { { 0xc096, 0xc097 }, DHE_PSK },
	{ { 0xc098, 0xc099 }, RSA_PSK },       { { 0xc09a, 0xc09b }, ECDHE_PSK },
	{ { 0xc09c, 0xc09d }, RSA },           { { 0xc09e, 0xc09f }, DHE_RSA },
	{ { 0xc0a0, 0xc0a1 }, RSA },           { { 0xc0a2, 0xc0a3 }, DHE_RSA },
	{ { 0xc0a4, 0xc0a5 }, PSK },           { { 0xc0a6, 0xc0a7 }, DHE_PSK },
	{ { 0xc0a8, 0xc0a9 }, PSK },           { { 0xc0aa, 0xc0ab }, DHE_PSK },
	{ { 0xc0ac, 0xc0af }, ECDHE_ECDSA },   { { 0xc0b0, 0xc0b3 }, ECCPWD },
	{ { 0xc0b4, 0xc0b5 }, BY_EXTENSIONS }, { { 0xc100, 0xc102 }, GOST },
	{ { 0xc103, 0xc106 }, BY_EXTENSIONS }, { { 0xcc13, 0xcc13 }, ECDHE_RSA },
	{ { 0xcc14, 0xcc14 }, ECDHE_ECDSA },   { { 0xcc15, 0xcc15 }, DHE_RSA },
	{ { 0xcca8, 0xcca8 }, ECDHE_RSA },     { { 0xcca9, 0xcca9 }, ECDHE_ECDSA },
	{ { 0xccaa, 0xccaa }, DHE_RSA },       { { 0xccab, 0xccab }, PSK },
	{ { 0xccac, 0xccac }, ECDHE_PSK },     { { 0xccad, 0xccad }, DHE_PSK },
	{ { 0xccae, 0xccae }, RSA_PSK },       { { 0xd001, 0xd003 }, ECDHE_PSK },
	{ { 0xd005, 0xd005 }, ECDHE_PSK },
};

static const struct range null[] = {
	{ 0x0000, 0x0002 }, { 0x002c, 0x002e }, { 0x003b, 0x003b }, { 0x0082, 0x0083 },
	{ 0x00b0, 0x00b1 }, { 0x00b4, 0x00b5 }, { 0x00b8, 0x00b9 }, { 0xc001, 0xc001 },
	{ 0xc006, 0xc006 }, { 0xc00b, 0xc00b }, { 0xc010, 0xc010 }, { 0xc015, 0xc015 },
	{ 0xc039, 0xc03b }, { 0xc0b4, 0xc0b5 },
};

static const struct range export[] = {
	{ 0x0003, 0x0003 }, { 0x0006, 0x0006 }, { 0x0008, 0x0008 }, { 0x000b, 0x000b },
	{ 0x000e, 0x000e }, { 0x0011, 0x0011 }, { 0x0014, 0x0014 }, { 0x0017, 0x0017 },
	{ 0x0019, 0x0019 }, { 0x0026, 0x002b }, { 0x0062, 0x0065 },
};

static const struct range rc4[] = {
	{ 0x0004, 0x0005 }, { 0x0018, 0x0018 }, { 0x0020, 0x0020 }, { 0x0024, 0x0024 },
	{ 0x0066, 0x0066 }, { 0x008a, 0x008a }, { 0x008e, 0x008e }, { 0x0092, 0x0092 },
	{ 0xc002, 0xc002 }, { 0xc007, 0xc007 }, { 0xc00c, 0xc00c }, { 0xc011, 0xc011 },
	{ 0xc016, 0xc016 }, { 0xc033, 0xc033 },
};

static const struct range single_des[] = {
	{ 0x0009, 0x0009 }, { 0x000c, 0x000c }, { 0x000f, 0x000f }, { 0x0012, 0x0012 },
	{ 0x0015, 0x0015 }, { 0x001a, 0x001a }, { 0x001e, 0x001e }, { 0x0022, 0x0022 },
};

static bool includes(const struct range *ranges, size_t count, uint16_t cipher_suite)
{
	for (size_t i = 0; i < count; i++) {
		if (cipher_suite >= ranges[i].first && cipher_suite <= ranges[i].last)
			return true;
	}
	return false;
}

static enum kind kind_of(uint16_t cipher_suite)
{
	size_t from = 0, to = sizeof(suites) / sizeof(suites[0]);

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (cipher_suite < suites[middle].range.first)
			to = middle;
		else if (cipher_suite > suites[middle].range.last)
			from = middle + 1;
		else
			return suites[middle].kind;
	}
	return UNKNOWN;
}

enum tls_exchange tls_cipher_exchange(uint16_t cipher_suite)
{
	return kinds[kind_of(cipher_suite)].exchange;
}

enum tls_authentication tls_cipher_authentication(uint16_t cipher_suite)
{
	return kinds[kind_of(cipher_suite)].authentication;
}

enum tls_presence tls_cipher_certificate(uint16_t cipher_suite)
{
	return kinds[kind_of(cipher_suite)].certificate;
}

enum tls_presence tls_cipher_key_exchange(uint16_t cipher_suite)
{
	return kinds[kind_of(cipher_suite)].key_exchange;
}

bool tls_cipher_is_signed(uint16_t cipher_suite)
{
	enum tls_authentication authentication = tls_cipher_authentication(cipher_suite);

	return authentication == TLS_AUTHENTICATION_RSA ||
	       authentication == TLS_AUTHENTICATION_DSS ||
	       authentication == TLS_AUTHENTICATION_ECDSA;
}

bool tls_cipher_is_anonymous(uint16_t cipher_suite)
{
	return tls_cipher_authentication(cipher_suite) == TLS_AUTHENTICATION_NONE;
}

bool tls_cipher_is_null(uint16_t cipher_suite)
{
	return includes(null, sizeof(null) / sizeof(null[0]), cipher_suite);
}

bool tls_cipher_is_export(uint16_t cipher_suite)
{
	return includes(export, sizeof(export) / sizeof(export[0]), cipher_suite);
}

bool tls_cipher_is_rc4(uint16_t cipher_suite)
{
	return includes(rc4, sizeof(rc4) / sizeof(rc4[0]), cipher_suite);
}

bool tls_cipher_is_single_des(uint16_t cipher_suite)
{
	return includes(single_des, sizeof(single_des) / sizeof(single_des[0]), cipher_suite);
}

bool tls_cipher_is_weak(uint16_t cipher_suite)
{
	return tls_cipher_is_null(cipher_suite) || tls_cipher_is_export(cipher_suite) ||
	       tls_cipher_is_rc4(cipher_suite) || tls_cipher_is_single_des(cipher_suite);
}
