// SPDX-License-Identifier: Apache-2.0
#pragma once

// MODAL_DETAIL_LIST(macro, context, a, b, …) expands to macro(context, a), macro(context, b), …
// for up to some three hundred arguments.

#define MODAL_DETAIL_PARENS ()
#define MODAL_DETAIL_EXPAND(...) \
  MODAL_DETAIL_EXPAND4(          \
      MODAL_DETAIL_EXPAND4(MODAL_DETAIL_EXPAND4(MODAL_DETAIL_EXPAND4(__VA_ARGS__))))
#define MODAL_DETAIL_EXPAND4(...) \
  MODAL_DETAIL_EXPAND3(           \
      MODAL_DETAIL_EXPAND3(MODAL_DETAIL_EXPAND3(MODAL_DETAIL_EXPAND3(__VA_ARGS__))))
#define MODAL_DETAIL_EXPAND3(...) \
  MODAL_DETAIL_EXPAND2(           \
      MODAL_DETAIL_EXPAND2(MODAL_DETAIL_EXPAND2(MODAL_DETAIL_EXPAND2(__VA_ARGS__))))
#define MODAL_DETAIL_EXPAND2(...) \
  MODAL_DETAIL_EXPAND1(           \
      MODAL_DETAIL_EXPAND1(MODAL_DETAIL_EXPAND1(MODAL_DETAIL_EXPAND1(__VA_ARGS__))))
#define MODAL_DETAIL_EXPAND1(...) __VA_ARGS__

#define MODAL_DETAIL_LIST(macro, context, ...) \
  __VA_OPT__(MODAL_DETAIL_EXPAND(MODAL_DETAIL_LIST_STEP(macro, context, __VA_ARGS__)))
#define MODAL_DETAIL_LIST_STEP(macro, context, first, ...) \
  macro(context, first)                                    \
      __VA_OPT__(, MODAL_DETAIL_LIST_AGAIN MODAL_DETAIL_PARENS(macro, context, __VA_ARGS__))
#define MODAL_DETAIL_LIST_AGAIN() MODAL_DETAIL_LIST_STEP

#define MODAL_DETAIL_CONCAT_NOW(a, b) a##b
#define MODAL_DETAIL_CONCAT(a, b) MODAL_DETAIL_CONCAT_NOW(a, b)
