/* phone_rules.cc -- the numbering rules of all countries; the only file in C++. */
#include "proto/phone_rules.h"

#include <phonenumbers/phonenumbermatcher.h>
#include <phonenumbers/phonenumberutil.h>
#include <phonenumbers/shortnumberinfo.h>

#include <cstring>
#include <set>
#include <string>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberMatcher;
using i18n::phonenumbers::PhoneNumberUtil;
using i18n::phonenumbers::ShortNumberInfo;

namespace
{

enum { CODE_MAX = 3 }; /* digits of a country code */

const ShortNumberInfo &
short_numbers()
{
    static const ShortNumberInfo *const info = new ShortNumberInfo;

    return *info;
}

/* Numbers that are dialled inside of a country only, and that the library's rules lack: by how they begin, and their digits. */
bool
is_service(const std::string &number, const char *country)
{
    static const struct {
        const char *country, *begin;
        size_t least, most;
    } services[] = {
        {"CN", "11", 3, 3},  /* help: 110, 119 */
        {"CN", "12", 3, 3},  /* 120, 122 */
        {"CN", "118", 5, 6}, /* information */
        {"CN", "12", 5, 5},  /* what is public: 12306, 12345 */
        {"CN", "96", 5, 6},  /* companies of a province */
    };

    for (const auto &one : services)
        if (strcmp(country, one.country) == 0 && number.rfind(one.begin, 0) == 0 &&
            number.size() >= one.least && number.size() <= one.most)
            return true;
    return false;
}

/* is_normal is true for a number with "+" that is in its form already, as nearly all are that programs send: a country code, and
 * behind it no zero and as many digits as the country has. Parsing takes 90 us, this 1. */
bool
is_normal(const PhoneNumberUtil &util, const std::string &number)
{
    static const std::set<int> *const codes = [&util] {
        auto *all = new std::set<int>;
        util.GetSupportedCallingCodes(all);
        return all;
    }();

    for (size_t n = 1; n <= CODE_MAX && n + 1 < number.size(); n++) {
        int code = std::stoi(number.substr(1, n));
        PhoneNumber one;

        if (codes->count(code) == 0)
            continue;
        if (number[n + 1] == '0')
            return false;
        one.set_country_code(code);
        one.set_national_number(std::stoull(number.substr(n + 1)));
        return util.IsPossibleNumberWithReason(one) == PhoneNumberUtil::IS_POSSIBLE;
    }
    return false;
}

/* is_right is true for a number that can be dialled from abroad, as far as the rules know. */
bool
is_right(const PhoneNumberUtil &util, const PhoneNumber &one, bool certain)
{
    if (util.IsValidNumber(one))
        return true;
    if (certain)
        return false;
    PhoneNumberUtil::ValidationResult length = util.IsPossibleNumberWithReason(one);
    return length == PhoneNumberUtil::IS_POSSIBLE ||
           (length == PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY && short_numbers().IsValidShortNumber(one));
}

/* is_as_dialled is true for a number of the country that is written as people dial it there. A land line without the zero
 * before its area may well be the number of another country; so may others, unless the country's people leave it out. */
bool
is_as_dialled(
    const PhoneNumberUtil &util, const PhoneNumber &one, const std::string &number, const char *country)
{
    std::string form, national, code = std::to_string(one.country_code());

    util.Format(one, PhoneNumberUtil::NATIONAL, &form);
    util.GetNationalSignificantNumber(one, &national);
    if (number[0] == '0' || form[form.find_first_of("0123456789")] != '0' || number == code + national)
        return true;
    return util.GetNumberType(one) != PhoneNumberUtil::FIXED_LINE &&
           PhoneNumberMatcher(util, number, country, PhoneNumberMatcher::VALID, 1).HasNext();
}

bool
put(const std::string &text, char ret[SFMS_PHONE_SIZE])
{
    if (text.size() >= SFMS_PHONE_SIZE)
        return false;
    memcpy(ret, text.c_str(), text.size() + 1);
    return true;
}

} // namespace

bool
sfms_phone_rules(const char *number, const char *country, bool certain, char ret[SFMS_PHONE_SIZE])
{
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    bool international = number[0] == '+';
    PhoneNumber one;
    std::string form;

    if (international && !certain && is_normal(util, number))
        return put(number, ret);
    if (util.Parse(number, international ? "ZZ" : country, &one) != PhoneNumberUtil::NO_PARSING_ERROR)
        return false;
    if (!is_right(util, one, certain || !international))
        return !international &&
               (short_numbers().IsValidShortNumberForRegion(one, country) || is_service(number, country)) &&
               put(number, ret);
    if (!international && !is_as_dialled(util, one, number, country))
        return false;
    util.Format(one, PhoneNumberUtil::E164, &form);
    return put(form, ret);
}
