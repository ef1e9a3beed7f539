# SPDX-License-Identifier: Apache-2.0
# Runs the whole job on small copies of the photos, then with things that must fail, and checks what
# it says, writes and returns.
set(output ${WORK}/pictures)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
unset(ENV{MODAL_URL})

# run_photos(<expected status> <expected pattern> ARGUMENTS...)
function(run_photos status pattern)
  execute_process(COMMAND ${CLIENT} ${ARGN} RESULT_VARIABLE got OUTPUT_VARIABLE said
                  ERROR_VARIABLE said)
  if(NOT got STREQUAL status OR NOT said MATCHES "${pattern}")
    message(FATAL_ERROR "photos ${ARGN}\nended with ${got}, not ${status}, or did not say "
                        "\"${pattern}\":\n${said}")
  endif()
endfunction()

run_photos(0 "15 results were checked.*the pictures are in ${output}\n$"
           --executor ${EXECUTOR} --input ${PHOTOS} --output ${output} --shrink-to 64
           --max-side 32)
# The filters for a device, on the host's: slower, as each pixel is on its own there.
run_photos(0 "filters run on: host:0\n.*rocket.jpg +denoise +host:0 .*a device's within 1 grey level"
           --executor ${HOST_EXECUTOR} --input ${PHOTOS} --output ${output} --shrink-to 32
           --device device)
foreach(photo IN ITEMS astronaut chelsea coffee hubble_deep_field rocket)
  foreach(file IN ITEMS ${photo}.denoise.png ${photo}.edges.png ${photo}.thumbnail.jpg)
    if(NOT EXISTS ${output}/${file})
      message(FATAL_ERROR "${file} was not written")
    endif()
  endforeach()
endforeach()

# A function that refuses its arguments, a program that is no executor, a folder without photos, a
# file that only looks like a photo.
run_photos(1 "strength is above 0" --executor ${EXECUTOR} --input ${PHOTOS} --output ${output}
           --shrink-to 16 --only denoise --strength 101)
run_photos(1 "did not say where it listens" --executor /bin/true --input ${PHOTOS}
           --output ${output} --shrink-to 16)
run_photos(1 "no photo to work on" --executor ${EXECUTOR} --input ${WORK} --output ${output})
file(WRITE ${WORK}/broken.png "not a picture")
file(COPY ${PHOTOS}/rocket.jpg DESTINATION ${WORK})
run_photos(1 "broken.png: it is neither.*1 calls were answered" --executor ${EXECUTOR}
           --input ${WORK} --output ${output} --shrink-to 16 --only edges)
