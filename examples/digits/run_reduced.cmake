# SPDX-License-Identifier: Apache-2.0
# Teaches once with each image and checks what is said and written; then with things that must fail.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/empty ${WORK}/broken)
unset(ENV{MODAL_URL})

# run_digits(<expected status> <expected pattern> ARGUMENTS...)
function(run_digits status pattern)
  execute_process(COMMAND ${DIGITS} ${ARGN} RESULT_VARIABLE got OUTPUT_VARIABLE said
                  ERROR_VARIABLE said)
  if(NOT got STREQUAL status OR NOT said MATCHES "${pattern}")
    message(FATAL_ERROR "digits ${ARGN}\nended with ${got}, not ${status}, or did not say "
                        "\"${pattern}\":\n${said}")
  endif()
endfunction()

run_digits(0 "host:0 +9[2-9]\\.[0-9]+ %.*0 labels differ.*see ${WORK}/wrong.png" --epochs 1
           --rounds 1 --sheet ${WORK}/wrong.png)
file(READ ${WORK}/wrong.png signature LIMIT 8 HEX)
if(NOT signature STREQUAL "89504e470d0a1a0a")
  message(FATAL_ERROR "wrong.png is no PNG: ${signature}")
endif()
run_digits(1 "it cannot be opened" --data ${WORK}/empty)
file(WRITE ${WORK}/broken/train-images-10k.idx3.gz "no images")
run_digits(1 "it is no IDX file" --data ${WORK}/broken)
run_digits(1 "cannot be reached|connect" --url http://127.0.0.1:1)
